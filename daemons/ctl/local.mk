bin_PROGRAMS += palisadectl
# Pure: what a node answered in, what people and programs read out. Unit tests link these alone.
CTL_PURE = \
	daemons/ctl/diff.c daemons/ctl/diff.h \
	daemons/ctl/edits.c daemons/ctl/edits.h \
	daemons/ctl/grid.c daemons/ctl/grid.h \
	daemons/ctl/members.c daemons/ctl/members.h \
	daemons/ctl/record.c daemons/ctl/record.h \
	daemons/ctl/template.c daemons/ctl/template.h \
	daemons/ctl/timelines.c daemons/ctl/timelines.h \
	daemons/ctl/yaml-out.c daemons/ctl/yaml-out.h
# Everything but main(): the verbs and what they share.
CTL_PARTS = $(CTL_PURE) \
	daemons/ctl/change.c \
	daemons/ctl/client.c daemons/ctl/client.h \
	daemons/ctl/ctl.c daemons/ctl/ctl.h \
	daemons/ctl/each.c daemons/ctl/each.h \
	daemons/ctl/edit.c \
	daemons/ctl/endpoint.c daemons/ctl/endpoint.h \
	daemons/ctl/explain.c \
	daemons/ctl/generate.c \
	daemons/ctl/node.c \
	daemons/ctl/options.c daemons/ctl/options.h \
	daemons/ctl/pause.c \
	daemons/ctl/reinit.c \
	daemons/ctl/restart.c \
	daemons/ctl/screen.c daemons/ctl/screen.h \
	daemons/ctl/show.c \
	daemons/ctl/standby.c \
	daemons/ctl/validate.c \
	daemons/ctl/verbs.c \
	daemons/ctl/when.c
palisadectl_SOURCES = $(CTL_PARTS) daemons/ctl/main.c
palisadectl_LDADD = $(IO_LDADD) $(CONFIG_LDADD) $(CURL_LIBS) $(PQ_LIBS)
