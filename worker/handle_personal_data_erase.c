/* SPDX-License-Identifier: MIT
 * personal_data.erase: once a day, what was kept of persons for long enough. It goes on
 * until nothing is due, or its time is up; the next day's job takes the rest. */
#include "worker/handlers.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/crash_point.h"
#include "worker/erase.h"

enum { PIECE_ARENA_BYTES = 16 << 20 };

/* What came of a day. */
struct erasing {
    struct handling *handling;
    struct arena *arena; /* of one piece */
    int64_t until_ms; /* monotonic */
    int64_t erased[ERASE_WHATS];
    int64_t needed;
    bool more; /* its time was up first */
};

static enum outcome erase_place(struct erasing *erasing,
                                const struct erase_place *place,
                                struct fault *fault);
static void tell(const struct erasing *erasing);

enum outcome handle_personal_data_erase(struct handling *handling,
                                        struct handled *out_handled,
                                        struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct arena arena;
    struct erasing erasing = {
        .handling = handling,
        .arena = &arena,
        .until_ms = clock_mono_ms(handling->clock) + handling->job->kind->limit_ms / 2,
    };
    enum outcome outcome = OUTCOME_DONE;
    arena_init(&arena, PIECE_ARENA_BYTES);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < erase_places_count; i++) {
        outcome = erase_place(&erasing, &erase_places[i], fault);
    }
    arena_done(&arena);
    if (outcome == OUTCOME_DONE) {
        handling->answered |= NEIGHBOUR_MARIADB;
        tell(&erasing);
    }
    return outcome;
}

static enum outcome erase_place(struct erasing *erasing,
                                const struct erase_place *place,
                                struct fault *fault)
{
    struct handling *handling = erasing->handling;
    struct erase_progress progress = {.ended = false};
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && !progress.ended) {
        if (clock_mono_ms(handling->clock) >= erasing->until_ms) {
            erasing->more = true;
            break;
        }
        outcome = erase_piece(handling->db,
                              place,
                              handling->settings,
                              clock_wall_ms(handling->clock),
                              erasing->arena,
                              &progress,
                              fault);
        arena_reset(erasing->arena);
        CRASH_POINT("piece_erased");
    }
    erasing->erased[place->what] += progress.erased;
    erasing->needed += progress.needed;
    return outcome;
}

static void tell(const struct erasing *erasing)
{
    log_info("erased",
             LOG_NUMBER("addresses", erasing->erased[ERASE_ADDRESSES]),
             LOG_NUMBER("receipts", erasing->erased[ERASE_RECEIPTS]),
             LOG_NUMBER("bodies", erasing->erased[ERASE_BODIES]),
             LOG_NUMBER("payloads", erasing->erased[ERASE_PAYLOADS]),
             LOG_NUMBER("needed", erasing->needed),
             LOG_NUMBER("more", erasing->more));
}
