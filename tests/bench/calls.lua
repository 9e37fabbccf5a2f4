-- SPDX-License-Identifier: MIT
-- wrk -s calls.lua URL -- WHAT FIRST LAST [IDS]: what tests/bench/api.py has wrk send.
--
-- WHAT     create   a payment, each by the next user from FIRST to LAST, ten times each
--          status   a payment's state, by the user FIRST
--          direct   a PaymentIntent made at the simulator
--          retrieve a PaymentIntent read at the simulator
--          plain    GET /
-- IDS      a file with one id a line, to read in turn
-- Prints one line of JSON.

local threads = 0
function setup(thread)
    thread:set('number', threads)
    threads = threads + 1
end

local what, first, last, ids, sent
function init(args)
    what, first, last = args[1], tonumber(args[2]), tonumber(args[3])
    ids, sent = {}, 0
    if args[4] then
        for line in io.lines(args[4]) do
            ids[#ids + 1] = line
        end
    end
end

local function token(user)
    return { ['Authorization'] = 'Bearer ' .. string.format('bench%038d', user),
             ['Content-Type'] = 'application/json' }
end

local form = { ['Authorization'] = 'Bearer sk_test_bench',
               ['Content-Type'] = 'application/x-www-form-urlencoded' }
local intent = 'amount=1500&currency=eur&payment_method_types[0]=card_present'
    .. '&capture_method=automatic&transfer_data[destination]=acct_demo'
    .. '&metadata[pompier_id]=1&metadata[pompier_name]=Camille&metadata[amicale_id]=1'
    .. '&metadata[calendrier_annee]=2027&metadata[payment_id]='

-- Threads begin in different places, and none sends for a user of another's.
function request()
    sent = sent + 1
    if what == 'create' then
        local users = math.floor((last - first + 1) / 2)
        local user = first + (number % 2) * users + math.floor((sent - 1) / 10) % users
        return wrk.format('POST', '/api/payments/create-intent', token(user),
                          '{"amount":1500,"amicale_id":1}')
    elseif what == 'status' then
        return wrk.format('GET', '/api/payments/' .. ids[(sent * 7919) % #ids + 1] .. '/status',
                          token(first))
    elseif what == 'direct' then
        return wrk.format('POST', '/v1/payment_intents', form, intent .. sent)
    elseif what == 'retrieve' then
        return wrk.format('GET', '/v1/payment_intents/' .. ids[(sent * 7919) % #ids + 1], form)
    end
    return wrk.format('GET', '/')
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "seconds": %.3f, "per_s": %.1f, "p50_ms": %.3f, "p99_ms": %.3f, '
            .. '"refused": %d, "lost": %d}\n',
        summary.requests, summary.duration / 1e6, summary.requests * 1e6 / summary.duration,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
