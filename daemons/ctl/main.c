/* palisadectl: the command line. It speaks to a node's REST API and to nothing else. */
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/endpoint.h"
#include "ctl/options.h"

int main(int argc, char **argv)
{
        Ctl c = { 0 };
        const char *no_color = getenv("NO_COLOR");

        (void)setlocale(LC_CTYPE, ""); /* else names print as bytes, which is no harm */
        c.tty = isatty(STDOUT_FILENO);
        c.paint = c.tty && str_empty(no_color);
        c.ask = isatty(STDIN_FILENO);
        int code = options_parse(&c, argc, argv);
        if (code < 0 && !c.verb->offline)
                code = endpoint_open(&c);
        if (code < 0)
                code = c.verb->run(&c);
        endpoint_close(&c);
        return code;
}
