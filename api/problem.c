/* SPDX-License-Identifier: MIT
 * The table of problems, and how one is written. */
#include "api/problem.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/base/json.h"

static int quality_of(struct span parameters);
static void write_type(struct json_writer *json, const char *code);

/* clang-format off: one row, one problem */
static const struct {
    int status;
    const char *code;
    const char *title_fr;
    const char *title_en;
    const char *detail_fr;
    const char *detail_en;
} problems[PROBLEM_COUNT] = {
    [PROBLEM_BAD_REQUEST] = {400,
                             "bad_request",
                             "Requête illisible",
                             "Unreadable request",
                             "La requête n'est pas conforme à HTTP/1.1.",
                             "The request is not valid HTTP/1.1."},
    [PROBLEM_BAD_SIGNATURE] =
        {400,
         "bad_signature",
         "Signature refusée",
         "Signature refused",
         "L'en-tête Stripe-Signature manque, est périmé ou ne correspond pas au corps.",
         "The Stripe-Signature header is missing, out of date, or does not match the "
         "body."},
    [PROBLEM_BAD_JSON] =
        {400,
         "bad_json",
         "JSON invalide",
         "Invalid JSON",
         "Le corps n'est pas du JSON strict (UTF-8, sans clé en double).",
         "The body is not strict JSON (UTF-8, without duplicate keys)."},
    [PROBLEM_BAD_EVENT] =
        {400,
         "bad_event",
         "Événement incomplet",
         "Incomplete event",
         "Le corps n'a pas les champs id, object et type d'un événement.",
         "The body lacks an event's id, object or type."},
    [PROBLEM_FORBIDDEN] = {403,
                           "forbidden",
                           "Accès refusé",
                           "Access refused",
                           "Cette adresse n'est pas autorisée ici.",
                           "This address is not allowed here."},
    [PROBLEM_NOT_FOUND] = {404,
                           "not_found",
                           "Introuvable",
                           "Not found",
                           "Rien n'existe à cette adresse.",
                           "There is nothing at this address."},
    [PROBLEM_METHOD_NOT_ALLOWED] =
        {405,
         "method_not_allowed",
         "Méthode non permise",
         "Method not allowed",
         "Cette adresse ne connaît pas cette méthode ; voir l'en-tête Allow.",
         "This address does not know that method; see the Allow header."},
    [PROBLEM_TIMEOUT] = {408,
                         "timeout",
                         "Requête trop lente",
                         "Request too slow",
                         "La requête n'est pas arrivée entière à temps.",
                         "The request did not arrive whole in time."},
    [PROBLEM_TOO_LARGE] = {413,
                           "too_large",
                           "Corps trop grand",
                           "Body too large",
                           "Le corps dépasse la taille permise.",
                           "The body is larger than allowed."},
    [PROBLEM_URI_TOO_LONG] = {414,
                              "uri_too_long",
                              "Adresse trop longue",
                              "Address too long",
                              "La première ligne de la requête est trop longue.",
                              "The first line of the request is too long."},
    [PROBLEM_UNSUPPORTED_TYPE] =
        {415,
         "unsupported_type",
         "Type non pris en charge",
         "Unsupported type",
         "Le corps doit être du JSON (Content-Type: application/json).",
         "The body must be JSON (Content-Type: application/json)."},
    [PROBLEM_EXPECTATION_FAILED] = {417,
                                    "expectation_failed",
                                    "Attente non satisfaite",
                                    "Expectation failed",
                                    "Seule l'attente 100-continue est connue.",
                                    "Only the expectation 100-continue is known."},
    [PROBLEM_HEADERS_TOO_LARGE] = {431,
                                   "headers_too_large",
                                   "En-têtes trop grands",
                                   "Headers too large",
                                   "Les en-têtes sont trop longs ou trop nombreux.",
                                   "The headers are too long or too many."},
    [PROBLEM_NOT_IMPLEMENTED] =
        {501,
         "not_implemented",
         "Non pris en charge",
         "Not implemented",
         "Ce codage de transfert ou cette méthode n'est pas connu.",
         "This transfer coding or method is not known."},
    [PROBLEM_UNAVAILABLE] =
        {503,
         "unavailable",
         "Momentanément indisponible",
         "Unavailable for the moment",
         "Le service ne peut rien enregistrer pour l'instant ; réessayez.",
         "The service cannot keep anything at the moment; try again."},
    [PROBLEM_VERSION] = {505,
                         "http_version",
                         "Version de HTTP inconnue",
                         "Unknown HTTP version",
                         "Seuls HTTP/1.0 et HTTP/1.1 sont connus.",
                         "Only HTTP/1.0 and HTTP/1.1 are known."},
};
/* clang-format on */

int problem_status(enum problem problem)
{
    assert((int)problem >= 0 && (int)problem < PROBLEM_COUNT);
    return problems[problem].status;
}

const char *problem_code(enum problem problem)
{
    assert((int)problem >= 0 && (int)problem < PROBLEM_COUNT);
    return problems[problem].code;
}

enum problem problem_of_status(int status)
{
    if (status == 400) {
        return PROBLEM_BAD_REQUEST;
    }
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        if (problems[i].status == status) {
            return (enum problem)i;
        }
    }
    assert(!"every refusal has its problem");
    return PROBLEM_BAD_REQUEST;
}

/* The larger of the two weights wins (RFC 9110, section 12.5.4); at a tie, which is also
 * when neither is named, it is French. */
bool problem_prefers_english(struct span accept_language)
{
    int french = -1;
    int english = -1;
    int other = -1;
    while (accept_language.len > 0) {
        struct span parameters;
        struct span range = span_trim(
            span_cut(span_cut(accept_language, ',', &accept_language), ';', &parameters));
        int quality = quality_of(parameters);
        struct span primary = span_cut(range, '-', &(struct span){NULL, 0});
        int *weight = primary.len == 2 && strncasecmp(primary.at, "fr", 2) == 0 ? &french
                      : primary.len == 2 && strncasecmp(primary.at, "en", 2) == 0
                          ? &english
                      : span_is(range, "*") ? &other
                                            : NULL;
        if (weight && quality > *weight) {
            *weight = quality;
        }
    }
    french = french < 0 ? other : french;
    english = english < 0 ? other : english;
    return english > 0 && english > french;
}

void problem_write(struct text *out,
                   enum problem problem,
                   struct span request_id,
                   bool english,
                   const struct problem_field *fields,
                   size_t field_count)
{
    assert((int)problem >= 0 && (int)problem < PROBLEM_COUNT);
    const char *title = english ? problems[problem].title_en : problems[problem].title_fr;
    const char *detail =
        english ? problems[problem].detail_en : problems[problem].detail_fr;
    struct json_writer json = json_writer(out);
    json_open(&json, NULL, '{');
    write_type(&json, problems[problem].code);
    json_put_string(&json, "title", span_of(title));
    json_put_integer(&json, "status", problems[problem].status);
    json_put_string(&json, "detail", span_of(detail));
    json_put_string(&json, "code", span_of(problems[problem].code));
    json_put_string(&json, "request_id", request_id);
    if (field_count > 0) {
        json_open(&json, "errors", '[');
        for (size_t i = 0; i < field_count; i++) {
            json_open(&json, NULL, '{');
            json_put_string(&json, "field", fields[i].field);
            json_put_string(&json, "code", span_of(fields[i].code));
            json_put_string(&json, "detail", fields[i].detail);
            json_close(&json, '}');
        }
        json_close(&json, ']');
    }
    json_close(&json, '}');
}

/* ";q=0.8" in thousandths; 1000 when there is none, 0 when it cannot be read. */
static int quality_of(struct span parameters)
{
    struct span value;
    struct span name = span_trim(span_cut(parameters, '=', &value));
    if (parameters.len == 0) {
        return 1000;
    }
    value = span_trim(value);
    if (!(span_is(name, "q") || span_is(name, "Q")) || value.len == 0 || value.len > 5 ||
        (value.at[0] != '0' && value.at[0] != '1')) {
        return 0;
    }
    int quality = (value.at[0] - '0') * 1000;
    int worth = 100;
    for (size_t i = 2; i < value.len; i++) {
        if (value.at[1] != '.' || value.at[i] < '0' || value.at[i] > '9') {
            return 0;
        }
        quality += worth * (value.at[i] - '0');
        worth /= 10;
    }
    return quality > 1000 ? 1000 : quality;
}

static void write_type(struct json_writer *json, const char *code)
{
    static const char prefix[] = "urn:tocsin:problem:";
    char type[sizeof(prefix) + 64];
    size_t len = strlen(code);
    assert(len < 64);
    memcpy(type, prefix, sizeof(prefix) - 1);
    for (size_t i = 0; i <= len; i++) {
        type[sizeof(prefix) - 1 + i] = (char)(code[i] == '_' ? '-' : code[i]);
    }
    json_put_string(json, "type", span_of(type));
}
