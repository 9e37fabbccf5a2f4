/* SPDX-License-Identifier: MIT
 * The system's clock, RFC 3339, and days in Paris. */
#include "common/base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

static int64_t system_wall_ms(const struct clock *clock);
static int64_t system_mono_ms(const struct clock *clock);
static bool read_number(struct span *rest, size_t digits, int least, int most, int *out);
static bool read_byte(struct span *rest, char byte);
static bool read_fraction(struct span *rest, int64_t *out_ms);
static bool read_offset(struct span *rest, int64_t *out_minutes);
static int64_t days_from_civil(int year, int month, int day);
static int last_day_of(int year, int month);
static void paris_time(int64_t wall_ms, struct tm *out);
static int64_t last_sunday_1_utc_s(int year, int month);

const struct clock clock_system = {system_wall_ms, system_mono_ms};

const char *clock_stamp(int64_t wall_ms, char out[CLOCK_STAMP_BYTES])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, CLOCK_STAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, CLOCK_STAMP_BYTES - len, ".%03dZ", (int)(wall_ms % 1000));
    return out;
}

bool clock_parse(struct span stamp, int64_t *out_wall_ms)
{
    int year, month, day, hour, minute, second;
    int64_t fraction_ms = 0;
    int64_t offset_minutes = 0;
    struct span rest = stamp;
    bool good =
        read_number(&rest, 4, 1970, 9999, &year) && read_byte(&rest, '-') &&
        read_number(&rest, 2, 1, 12, &month) && read_byte(&rest, '-') &&
        read_number(&rest, 2, 1, last_day_of(year, month), &day) &&
        (read_byte(&rest, 'T') || read_byte(&rest, 't') || read_byte(&rest, ' ')) &&
        read_number(&rest, 2, 0, 23, &hour) && read_byte(&rest, ':') &&
        read_number(&rest, 2, 0, 59, &minute) && read_byte(&rest, ':') &&
        read_number(&rest, 2, 0, 60, &second) && read_fraction(&rest, &fraction_ms) &&
        read_offset(&rest, &offset_minutes) && rest.len == 0;
    if (!good) {
        return false;
    }
    int64_t minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute;
    *out_wall_ms = ((minutes - offset_minutes) * 60 + second) * 1000 + fraction_ms;
    return true;
}

const char *clock_paris_day(int64_t wall_ms, char out[11])
{
    struct tm local;
    paris_time(wall_ms, &local);
    size_t len = strftime(out, 11, "%Y-%m-%d", &local);
    assert(len == 10);
    return out;
}

const char *clock_paris_minute(int64_t wall_ms, char out[20])
{
    struct tm local;
    paris_time(wall_ms, &local);
    size_t len = strftime(out, 20, "%d/%m/%Y %H:%M", &local);
    assert(len == 16);
    return out;
}

/* French, whatever the process's locale is: the first of a month is an ordinal. */
const char *clock_paris_words(int64_t wall_ms, char out[CLOCK_WORDS_BYTES])
{
    static const char *const days[] =
        {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"};
    static const char *const months[] = {"janvier",
                                         "février",
                                         "mars",
                                         "avril",
                                         "mai",
                                         "juin",
                                         "juillet",
                                         "août",
                                         "septembre",
                                         "octobre",
                                         "novembre",
                                         "décembre"};
    struct tm local;
    paris_time(wall_ms, &local);
    int len = snprintf(out,
                       CLOCK_WORDS_BYTES,
                       "%s %d%s %s %d à %d h %02d",
                       days[local.tm_wday],
                       local.tm_mday,
                       local.tm_mday == 1 ? "er" : "",
                       months[local.tm_mon],
                       local.tm_year + 1900,
                       local.tm_hour,
                       local.tm_min);
    assert(len > 0 && len < CLOCK_WORDS_BYTES);
    return out;
}

static int64_t system_wall_ms(const struct clock *clock)
{
    (void)clock;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_mono_ms(const struct clock *clock)
{
    (void)clock;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool read_number(struct span *rest, size_t digits, int least, int most, int *out)
{
    int number = 0;
    if (rest->len < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (rest->at[i] < '0' || rest->at[i] > '9') {
            return false;
        }
        number = number * 10 + (rest->at[i] - '0');
    }
    *rest = (struct span){rest->at + digits, rest->len - digits};
    *out = number;
    return number >= least && number <= most;
}

static bool read_byte(struct span *rest, char byte)
{
    if (rest->len == 0 || rest->at[0] != byte) {
        return false;
    }
    *rest = (struct span){rest->at + 1, rest->len - 1};
    return true;
}

/* An optional fraction of any length, cut to milliseconds. */
static bool read_fraction(struct span *rest, int64_t *out_ms)
{
    *out_ms = 0;
    if (!read_byte(rest, '.')) {
        return true;
    }
    int64_t worth = 100;
    size_t digits = 0;
    int digit;
    while (rest->len > 0 && rest->at[0] >= '0' && rest->at[0] <= '9') {
        if (!read_number(rest, 1, 0, 9, &digit)) {
            return false;
        }
        *out_ms += worth * digit;
        worth /= 10;
        digits++;
    }
    return digits > 0;
}

static bool read_offset(struct span *rest, int64_t *out_minutes)
{
    if (read_byte(rest, 'Z') || read_byte(rest, 'z')) {
        *out_minutes = 0;
        return true;
    }
    int sign = read_byte(rest, '+') ? 1 : read_byte(rest, '-') ? -1 : 0;
    int hours, minutes;
    if (sign == 0 || !read_number(rest, 2, 0, 23, &hours) || !read_byte(rest, ':') ||
        !read_number(rest, 2, 0, 59, &minutes)) {
        return false;
    }
    *out_minutes = sign * (hours * 60 + minutes);
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar; a year is counted from its March. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t shifted_month = month <= 2 ? month + 9 : month - 3;
    int64_t day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static int last_day_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Central European time by the European Union's rule (directive 2000/84/EC): summer time
 * runs from the last Sunday of March to that of October, at 01:00 UTC. Written out,
 * because the C library has one time zone for the whole process and threads share it. */
static void paris_time(int64_t wall_ms, struct tm *out)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    int year = utc.tm_year + 1900;
    bool summer = (int64_t)seconds >= last_sunday_1_utc_s(year, 3) &&
                  (int64_t)seconds < last_sunday_1_utc_s(year, 10);
    time_t local = seconds + (summer ? 7200 : 3600);
    gmtime_r(&local, out);
}

static int64_t last_sunday_1_utc_s(int year, int month)
{
    int64_t days = days_from_civil(year, month, 31); /* March and October have 31 */
    int64_t weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday; 0: Sunday */
    return (days - weekday) * 86400 + 3600;
}
