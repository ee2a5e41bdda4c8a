#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pgd/words.h"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* In double quotes a backslash is itself unless it stands before a quote or another one. */
static bool escapes(char quote, const char *s)
{
        return *s == '\\' && s[1] && quote != '\'' && (quote == 0 || s[1] == '"' || s[1] == '\\');
}

/* One word from *s, which begins with no blank, into buf; false: a quote is not closed. */
static bool take_word(const char **s, char *buf)
{
        char quote = 0;

        for (; **s && (quote || !is_blank(**s)); (*s)++) {
                if (escapes(quote, *s))
                        *buf++ = *++*s;
                else if (quote ? **s == quote : **s == '\'' || **s == '"')
                        quote = quote ? 0 : **s;
                else if (quote == 0 && **s == '\\')
                        return false; /* nothing follows it */
                else
                        *buf++ = **s;
        }
        *buf = 0;
        return quote == 0;
}

int words_split(const char *command, Node **ret)
{
        _cleanup_(node_freep) Node *list = node_new(NODE_LIST);
        char *buf = malloc(strlen(command) + 1);
        int r = list && buf ? 0 : -ENOMEM;

        while (r >= 0) {
                while (is_blank(*command))
                        command++;
                if (!*command)
                        break;
                r = take_word(&command, buf) ? node_put(list, NULL, node_new_string(buf)) : -EINVAL;
        }
        free(buf);
        if (r >= 0 && !list->children)
                r = -EINVAL;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}
