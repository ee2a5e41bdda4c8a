#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/answer.h"

const char type_json[] = "application/json";
const char type_text[] = "text/html";
const char type_plain[] = "text/plain";
static const char type_page[] = "text/html;charset=utf-8";

static const struct {
        unsigned status;
        const char *reason;
        const char *explanation;
} pages[] = {
        { 400, "Bad Request", "Bad request syntax or unsupported method" },
        { 404, "Not Found", "Nothing matches the given URI" },
        { 409, "Conflict", "Request conflict" },
        { 411, "Length Required", "Client must specify Content-Length" },
        { 413, "Request Entity Too Large", "Entity is too large" },
        { 500, "Internal Server Error", "Server got itself in trouble" },
        { 501, "Not Implemented", "Server does not support this operation" },
        { 502, "Bad Gateway", "Invalid responses from another server/proxy" },
        { 503, "Service Unavailable",
          "The server cannot process the request due to a high load" },
};

Answer answer_empty(unsigned status)
{
        return (Answer){ .status = status };
}

Answer answer_body(unsigned status, const char *type, char *body)
{
        if (!body)
                return answer_empty(503);
        return (Answer){ .status = status, .type = type, .body = body, .size = strlen(body) };
}

Answer answer_text(unsigned status, const char *format, ...)
{
        char *body = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&body, format, ap) < 0)
                body = NULL;
        va_end(ap);
        return answer_body(status, type_text, body);
}

Answer answer_page(unsigned status, const char *method)
{
        const char *reason = "???", *explanation = "???";
        char unsupported[64];
        char *body = NULL;

        for (size_t i = 0; i < ELEMENTSOF(pages); i++)
                if (pages[i].status == status) {
                        reason = pages[i].reason;
                        explanation = pages[i].explanation;
                }
        if (status == 501 && method) {
                /* Only letters: the method is whatever the client wrote. */
                size_t n = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
                snprintf(unsupported, sizeof unsupported, "Unsupported method ('%.*s')",
                         (int)MIN(n, (size_t)32), method);
                reason = unsupported;
        }
        if (asprintf(&body,
                     "<!DOCTYPE HTML>\n"
                     "<html lang=\"en\">\n"
                     "    <head>\n"
                     "        <meta charset=\"utf-8\">\n"
                     "        <title>Error response</title>\n"
                     "    </head>\n"
                     "    <body>\n"
                     "        <h1>Error response</h1>\n"
                     "        <p>Error code: %u</p>\n"
                     "        <p>Message: %s.</p>\n"
                     "        <p>Error code explanation: %u - %s.</p>\n"
                     "    </body>\n"
                     "</html>\n",
                     status, reason, status, explanation) < 0)
                body = NULL;
        return answer_body(status, type_page, body);
}

void answer_done(Answer *a)
{
        free(a->body);
        *a = (Answer){ 0 };
}
