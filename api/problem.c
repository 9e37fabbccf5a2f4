/* SPDX-License-Identifier: MIT
 * The texts of problems, and how one is written. */
#include "api/problem.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/base/json.h"

static struct span field_detail(const struct problem_field *field, bool english);
static void write_type(struct json_writer *json, const char *code);

/* One row, one problem. */
/* clang-format off */
static const struct {
    const char *title_fr;
    const char *title_en;
    const char *detail_fr;
    const char *detail_en;
} problem_texts[PROBLEM_COUNT] = {
    [PROBLEM_BAD_REQUEST] = {
        "Requête illisible",
        "Unreadable request",
        "La requête n'est pas conforme à HTTP/1.1.",
        "The request is not valid HTTP/1.1.",
    },
    [PROBLEM_BAD_SIGNATURE] = {
        "Signature refusée",
        "Signature refused",
        "L'en-tête Stripe-Signature manque, est périmé ou ne correspond pas au "
        "corps.",
        "The Stripe-Signature header is missing, out of date, or does not match "
        "the body.",
    },
    [PROBLEM_BAD_JSON] = {
        "JSON invalide",
        "Invalid JSON",
        "Le corps doit être un objet en JSON strict (UTF-8, sans clé en double).",
        "The body must be an object in strict JSON (UTF-8, without duplicate keys).",
    },
    [PROBLEM_BAD_EVENT] = {
        "Événement incomplet",
        "Incomplete event",
        "Le corps n'a pas les champs id, object et type d'un événement.",
        "The body lacks an event's id, object or type.",
    },
    [PROBLEM_BAD_IDEMPOTENCY_KEY] = {
        "Clé d'idempotence refusée",
        "Idempotency key refused",
        "L'en-tête Idempotency-Key doit porter 1 à 255 caractères ASCII "
        "visibles.",
        "The Idempotency-Key header must hold 1 to 255 visible ASCII characters.",
    },
    [PROBLEM_UNAUTHENTICATED] = {
        "Connexion requise",
        "Sign in first",
        "La session manque ou a pris fin ; connectez-vous de nouveau.",
        "There is no session, or it has ended; sign in again.",
    },
    [PROBLEM_WRONG_CREDENTIALS] = {
        "Connexion refusée",
        "Sign-in refused",
        "L'adresse ou le mot de passe n'est pas le bon.",
        "The address or the password is wrong.",
    },
    [PROBLEM_FORBIDDEN] = {
        "Accès refusé",
        "Access refused",
        "Cette adresse n'est pas autorisée ici.",
        "This address is not allowed here.",
    },
    [PROBLEM_ROLE_NOT_ALLOWED] = {
        "Rôle insuffisant",
        "Role not allowed",
        "Votre rôle ne permet pas cette action.",
        "Your role does not allow this.",
    },
    [PROBLEM_CROSS_SITE] = {
        "Page d'un autre site",
        "Page of another site",
        "Une connexion, ou une écriture avec un cookie, ne peut venir que d'une "
        "origine autorisée.",
        "A sign-in, or a write with a cookie, may come from an allowed origin only.",
    },
    [PROBLEM_NOT_FOUND] = {
        "Introuvable",
        "Not found",
        "Cela n'existe pas, ou ne vous est pas accessible.",
        "There is no such thing, or it is not yours to see.",
    },
    [PROBLEM_METHOD_NOT_ALLOWED] = {
        "Méthode non permise",
        "Method not allowed",
        "Cette adresse ne connaît pas cette méthode ; voir l'en-tête Allow.",
        "This address does not know that method; see the Allow header.",
    },
    [PROBLEM_TIMEOUT] = {
        "Requête trop lente",
        "Request too slow",
        "La requête n'est pas arrivée entière à temps.",
        "The request did not arrive whole in time.",
    },
    [PROBLEM_IDEMPOTENCY_IN_FLIGHT] = {
        "Requête déjà en cours",
        "Request in flight",
        "La première requête avec cette clé n'a pas encore sa réponse ; "
        "réessayez, ou suivez l'en-tête Location.",
        "The first request with this key has no answer yet; try again, or follow "
        "the Location header.",
    },
    [PROBLEM_ACCOUNT_MISSING] = {
        "Pas de compte Stripe",
        "No Stripe account",
        "L'amicale n'a pas encore de compte Stripe ; un administrateur doit le "
        "créer.",
        "The amicale has no Stripe account yet; an administrator must create it.",
    },
    [PROBLEM_ACCOUNT_CANNOT_CHARGE] = {
        "Compte Stripe incomplet",
        "Stripe account not ready",
        "Le compte Stripe de l'amicale ne peut pas encaisser pour l'instant ; un "
        "administrateur doit fournir ce que Stripe demande.",
        "The amicale's Stripe account cannot take payments at present; an "
        "administrator must give Stripe what it asks for.",
    },
    [PROBLEM_AMICALE_INCOMPLETE] = {
        "Fiche d'amicale incomplète",
        "Incomplete amicale",
        "Il manque à la fiche de l'amicale ce que Stripe exige ; voir errors.",
        "The amicale lacks what Stripe asks for; see errors.",
    },
    [PROBLEM_LOCAL_ID_CONFLICT] = {
        "Vente déjà connue",
        "Sale already known",
        "Une vente avec ce local_id existe avec un autre montant ou un autre "
        "moyen de paiement.",
        "A sale with this local_id exists with another amount or method.",
    },
    [PROBLEM_WRONG_STATE] = {
        "État incompatible",
        "Wrong state",
        "Son état actuel ne permet pas cette action.",
        "Its present state does not allow this.",
    },
    [PROBLEM_TOO_LARGE] = {
        "Corps trop grand",
        "Body too large",
        "Le corps dépasse la taille permise : envoyez-le en plusieurs fois.",
        "The body is larger than allowed: send it in smaller parts.",
    },
    [PROBLEM_URI_TOO_LONG] = {
        "Adresse trop longue",
        "Address too long",
        "La première ligne de la requête est trop longue.",
        "The first line of the request is too long.",
    },
    [PROBLEM_UNSUPPORTED_TYPE] = {
        "Type non pris en charge",
        "Unsupported type",
        "Le corps doit être du JSON (Content-Type: application/json).",
        "The body must be JSON (Content-Type: application/json).",
    },
    [PROBLEM_EXPECTATION_FAILED] = {
        "Attente non satisfaite",
        "Expectation failed",
        "Seule l'attente 100-continue est connue.",
        "Only the expectation 100-continue is known.",
    },
    [PROBLEM_INVALID_FIELDS] = {
        "Champs invalides",
        "Invalid fields",
        "Un ou plusieurs champs ne conviennent pas ; voir errors.",
        "One or more fields are not right; see errors.",
    },
    [PROBLEM_IDEMPOTENCY_MISMATCH] = {
        "Clé d'idempotence déjà prise",
        "Idempotency key taken",
        "Cette clé a déjà servi avec une autre requête.",
        "This key came before with another request.",
    },
    [PROBLEM_STRIPE_REFUSED] = {
        "Refus de Stripe",
        "Refused by Stripe",
        "Stripe a refusé cette demande ; voir about.",
        "Stripe refused this; see about.",
    },
    [PROBLEM_TOO_MANY_REQUESTS] = {
        "Trop de requêtes",
        "Too many requests",
        "Trop de requêtes ; attendez le temps indiqué par l'en-tête "
        "Retry-After.",
        "Too many requests; wait as long as the Retry-After header says.",
    },
    [PROBLEM_BACKLOG_FULL] = {
        "File d'attente pleine",
        "The queue is full",
        "Trop de ventes hors ligne attendent déjà ; envoyez les vôtres après le temps "
        "indiqué par l'en-tête Retry-After. Rien n'est perdu : gardez-les.",
        "Too many offline sales are waiting already; send yours after as long as the "
        "Retry-After header says. Nothing is lost: keep them.",
    },
    [PROBLEM_HEADERS_TOO_LARGE] = {
        "En-têtes trop grands",
        "Headers too large",
        "Les en-têtes sont trop longs ou trop nombreux.",
        "The headers are too long or too many.",
    },
    [PROBLEM_JOB_FAILED] = {
        "Échec du traitement",
        "The job failed",
        "Le traitement a échoué ; un opérateur peut voir pourquoi.",
        "The job failed; an operator can see why.",
    },
    [PROBLEM_NOT_IMPLEMENTED] = {
        "Non pris en charge",
        "Not implemented",
        "Ce codage de transfert ou cette méthode ne sont pas connus.",
        "This transfer coding or method is not known.",
    },
    [PROBLEM_UNAVAILABLE] = {
        "Momentanément indisponible",
        "Unavailable for the moment",
        "Le service ne peut pas le faire pour l'instant ; réessayez.",
        "The service cannot do this at the moment; try again.",
    },
    [PROBLEM_TOO_LATE] = {
        "Réponse trop tardive",
        "Too late",
        "La réponse n'est pas venue à temps et ne compte plus ; réessayez.",
        "The answer did not come in time and counts no more; try again.",
    },
    [PROBLEM_VERSION] = {
        "Version de HTTP inconnue",
        "Unknown HTTP version",
        "Seuls HTTP/1.0 et HTTP/1.1 sont connus.",
        "Only HTTP/1.0 and HTTP/1.1 are known.",
    },
};
/* What is wrong with a field. */
static const struct {
    const char *fr;
    const char *en;
} field_texts[FIELD_CODES] = {
    [FIELD_MISSING] = {"Ce champ est obligatoire.", "This field must be there."},
    [FIELD_UNKNOWN] = {"Ce champ n'existe pas.", "There is no such field."},
    [FIELD_WRONG_TYPE] = {"Ce n'est pas le bon type.", "It has the wrong type."},
    [FIELD_TOO_SMALL] = {"La valeur est trop petite.", "It is too small."},
    [FIELD_TOO_LARGE] = {"La valeur est trop grande.", "It is too large."},
    [FIELD_TOO_LONG] = {"Le texte est trop long.", "The text is too long."},
    [FIELD_BAD_FORMAT] = {"Le format ne convient pas.", "The format is not right."},
    [FIELD_NOT_A_CHOICE] = {"Cette valeur n'est pas permise.", "It is none of the allowed values."},
    [FIELD_ABOVE_REST] = {"Le montant dépasse ce qui reste.", "It is more than what is left."},
    [FIELD_IN_FUTURE] = {"Ce moment n'est pas encore venu.", "This moment has not come yet."},
    [FIELD_TOO_OLD] = {"Ce moment est trop ancien.", "This moment lies too far back."},
};
/* clang-format on */

enum problem problem_of_status(int status)
{
    if (status == 400) {
        return PROBLEM_BAD_REQUEST;
    }
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        if (problem_status((enum problem)i) == status) {
            return (enum problem)i;
        }
    }
    assert(!"every refusal has its problem");
    return PROBLEM_BAD_REQUEST;
}

void problem_write(struct text *out,
                   enum problem problem,
                   struct span request_id,
                   bool english,
                   const struct problem_field *fields,
                   size_t field_count,
                   struct span about)
{
    assert((int)problem >= 0 && (int)problem < PROBLEM_COUNT);
    const char *title =
        english ? problem_texts[problem].title_en : problem_texts[problem].title_fr;
    const char *detail =
        english ? problem_texts[problem].detail_en : problem_texts[problem].detail_fr;
    struct json_writer json = json_writer(out);
    json_open(&json, NULL, '{');
    write_type(&json, problem_code(problem));
    json_put_string(&json, "title", span_of(title));
    json_put_integer(&json, "status", problem_status(problem));
    json_put_string(&json, "detail", span_of(detail));
    json_put_string(&json, "code", span_of(problem_code(problem)));
    json_put_string(&json, "request_id", request_id);
    if (field_count > 0) {
        problem_put_fields(&json, fields, field_count, english);
    }
    if (about.len > 0) {
        json_put_raw(&json, "about", about);
    }
    json_close(&json, '}');
}

void problem_put_fields(struct json_writer *json,
                        const struct problem_field *fields,
                        size_t field_count,
                        bool english)
{
    json_open(json, "errors", '[');
    for (size_t i = 0; i < field_count; i++) {
        json_open(json, NULL, '{');
        json_put_string(json, "field", fields[i].field);
        json_put_string(json, "code", span_of(field_code_name(fields[i].code)));
        json_put_string(json, "detail", field_detail(&fields[i], english));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static struct span field_detail(const struct problem_field *field, bool english)
{
    return field->detail.len > 0 ? field->detail
                                 : span_of(english ? field_texts[field->code].en
                                                   : field_texts[field->code].fr);
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
