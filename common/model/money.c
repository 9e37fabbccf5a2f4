/* SPDX-License-Identifier: MIT
 * Amounts as text, fees and sums. */
#include "common/model/money.h"

#include <assert.h>
#include <string.h>

static int decimals_of(struct span currency);
static void write_code(struct span currency, char code[4]);
static char *write_digits(char *end, uint64_t whole);

/* docs.stripe.com/currencies: the currencies whose minor unit is not a hundredth. */
static const struct {
    const char *code;
    int decimals;
} unusual[] = {
    {"bif", 0}, {"clp", 0}, {"djf", 0}, {"gnf", 0}, {"jpy", 0}, {"kmf", 0}, {"krw", 0},
    {"mga", 0}, {"pyg", 0}, {"rwf", 0}, {"vnd", 0}, {"vuv", 0}, {"xaf", 0}, {"xof", 0},
    {"xpf", 0}, {"bhd", 3}, {"jod", 3}, {"kwd", 3}, {"omr", 3}, {"tnd", 3},
};

const char *money_text(int64_t amount_minor,
                       struct span currency,
                       char out[MONEY_TEXT_BYTES])
{
    /* Written from the right: the sign or code, the decimals, the whole in groups. */
    char buffer[MONEY_TEXT_BYTES];
    char *at = buffer + sizeof(buffer);
    *--at = '\0';
    char code[4];
    write_code(currency, code);
    const char *unit = strcmp(code, "EUR") == 0 ? "€" : code;
    if (unit[0] != '\0') {
        at -= strlen(unit);
        memcpy(at, unit, strlen(unit));
        *--at = ' ';
    }
    uint64_t rest =
        amount_minor < 0 ? 0 - (uint64_t)amount_minor : (uint64_t)amount_minor;
    int decimals = decimals_of(currency);
    for (int i = 0; i < decimals; i++) {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (decimals > 0) {
        *--at = ',';
    }
    at = write_digits(at, rest);
    if (amount_minor < 0) {
        *--at = '-';
    }
    memcpy(out, at, (size_t)(buffer + sizeof(buffer) - at));
    return out;
}

static int decimals_of(struct span currency)
{
    for (size_t i = 0; i < sizeof(unusual) / sizeof(unusual[0]); i++) {
        if (span_is(currency, unusual[i].code)) {
            return unusual[i].decimals;
        }
    }
    return 2;
}

static void write_code(struct span currency, char code[4])
{
    code[0] = '\0';
    if (currency.len != 3) {
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        if (currency.at[i] < 'a' || currency.at[i] > 'z') {
            code[0] = '\0';
            return;
        }
        code[i] = (char)(currency.at[i] - 'a' + 'A');
    }
    code[3] = '\0';
}

static char *write_digits(char *end, uint64_t whole)
{
    int written = 0;
    do {
        if (written > 0 && written % 3 == 0) {
            *--end = ' ';
        }
        *--end = (char)('0' + whole % 10);
        whole /= 10;
        written++;
    } while (whole > 0);
    return end;
}

int64_t money_fee_minor(int64_t amount_minor,
                        int64_t percent_bp,
                        int64_t fee_minimum_minor)
{
    assert(amount_minor >= 0 && percent_bp >= 0 && fee_minimum_minor >= 0);
    if (percent_bp == 0 && fee_minimum_minor == 0) {
        return 0;
    }
    /* 128 bits hold the product of any two amounts. */
    __int128 rounded = ((__int128)amount_minor * percent_bp + 5000) / 10000;
    __int128 fee = rounded > fee_minimum_minor ? rounded : fee_minimum_minor;
    return fee > amount_minor ? amount_minor : (int64_t)fee;
}

bool money_net_minor(int64_t amount_minor,
                     int64_t refunded_minor,
                     int64_t fee_minor,
                     int64_t *out_net_minor)
{
    int64_t net = 0;
    if (__builtin_sub_overflow(amount_minor, refunded_minor, &net) ||
        __builtin_sub_overflow(net, fee_minor, &net)) {
        return false;
    }
    *out_net_minor = net;
    return true;
}

bool money_add(int64_t *total_minor, int64_t amount_minor)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(*total_minor, amount_minor, &sum)) {
        return false;
    }
    *total_minor = sum;
    return true;
}

bool money_is_sale(int64_t amount_minor)
{
    return amount_minor >= MONEY_LEAST_MINOR && amount_minor <= MONEY_MOST_MINOR;
}
