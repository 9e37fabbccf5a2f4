/* SPDX-License-Identifier: MIT
 * The onboarding page as HTML. */
#include "tests/stripesim/onboarding_page.h"

#include <stdlib.h>

#include "common/base/json.h"
#include "common/base/text.h"
#include "tests/stripesim/accounts.h"

/* What is asked for, in the words of the page. */
struct asked {
    const char *requirement; /* what the requirement's name begins with */
    const char *words;
};

static void write_requirements(const struct account *account, struct text *out);
static const char *words_of(struct span requirement);
static void add_escaped(struct text *out, struct span text);

static const struct asked asked[] = {
    {"external_account", "Le compte bancaire de l’amicale (IBAN)"},
    {"representative.first_name", "Le prénom de la personne qui représente l’amicale"},
    {"representative.last_name", "Le nom de la personne qui représente l’amicale"},
    {"representative.verification", "Une pièce d’identité de cette personne"},
    {"tos_acceptance.date", "L’accord avec les conditions d’utilisation"},
    {"tos_acceptance.ip", NULL}, /* comes with the accord */
};

static const char head[] =
    "<!doctype html>\n"
    "<html lang=\"fr\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Inscription chez Stripe (simulateur)</title>\n"
    "<style>\n"
    "body { margin: 0; background: #f6f8fa; color: #1a2330;\n"
    "  font: 16px/1.5 system-ui, sans-serif; }\n"
    "main { width: min(30rem, 100% - 2rem); box-sizing: border-box;\n"
    "  margin: 3rem auto; padding: 2rem; background: #fff;\n"
    "  border: 1px solid #dde3ea; border-radius: 8px; }\n"
    "h1 { margin: 0 0 .25rem; font-size: 1.5rem; }\n"
    ".note { margin: 0 0 1.5rem; color: #5a6675; }\n"
    "dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; }\n"
    "dt { color: #5a6675; }\n"
    "dd { margin: 0; overflow-wrap: anywhere; }\n"
    "ul { padding-left: 1.25rem; }\n"
    "form { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 2rem; }\n"
    "button { padding: .6rem 1.1rem; border: 1px solid #4b48d6; border-radius: 6px;\n"
    "  font: inherit; color: #4b48d6; background: #fff; cursor: pointer; }\n"
    "button.first { color: #fff; background: #4b48d6; }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>Inscription chez Stripe</h1>\n"
    "<p class=\"note\">Page du simulateur : rien n’est demandé, rien n’est envoyé.</p>\n";

static const char foot[] =
    "<form method=\"post\">\n"
    "<button class=\"first\" name=\"step\" value=\"finish\">Terminer "
    "l’inscription</button>\n"
    "<button name=\"step\" value=\"later\">Continuer plus tard</button>\n"
    "</form>\n"
    "</main>\n"
    "</body>\n"
    "</html>\n";

void onboarding_page_write(const struct account *account, struct text *out)
{
    text_add_string(out, head);
    text_add_string(out, "<dl>\n<dt>Compte</dt><dd>");
    add_escaped(out, span_of(account->object.id));
    text_add_string(out, "</dd>\n");
    if (account->business_name) {
        text_add_string(out, "<dt>Nom</dt><dd>");
        add_escaped(out, span_of(account->business_name));
        text_add_string(out, "</dd>\n");
    }
    if (account->email) {
        text_add_string(out, "<dt>E-mail</dt><dd>");
        add_escaped(out, span_of(account->email));
        text_add_string(out, "</dd>\n");
    }
    text_add_string(out, "</dl>\n");
    write_requirements(account, out);
    text_add_string(out, foot);
}

static void write_requirements(const struct account *account, struct text *out)
{
    struct fault fault;
    struct cJSON *due = NULL;
    const char *named = accounts_stage_row(account)->currently_due;
    if (json_parse(span_of(named), &due, &fault) != OUTCOME_DONE) {
        abort(); /* it is text of our own */
    }
    if (!json_first(due, "")) {
        text_add_string(out, "<p>Il ne manque rien.</p>\n");
        json_free(due);
        return;
    }
    text_add_string(out, "<p>Stripe demanderait ici :</p>\n<ul>\n");
    for (struct cJSON *at = json_first(due, ""); at; at = json_next(at)) {
        const char *words = words_of(json_string(at, ""));
        if (words) {
            text_addf(out, "<li>%s</li>\n", words);
        }
    }
    text_add_string(out, "</ul>\n");
    json_free(due);
}

static const char *words_of(struct span requirement)
{
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        if (span_starts(requirement, asked[i].requirement)) {
            return asked[i].words;
        }
    }
    abort(); /* a stage asks for something that has no words here */
}

static void add_escaped(struct text *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.at[i]) {
        case '&':
            text_add_string(out, "&amp;");
            break;
        case '<':
            text_add_string(out, "&lt;");
            break;
        case '>':
            text_add_string(out, "&gt;");
            break;
        case '"':
            text_add_string(out, "&quot;");
            break;
        default:
            text_add_char(out, text.at[i]);
            break;
        }
    }
}
