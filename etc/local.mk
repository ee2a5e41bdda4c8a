# Units, users, folders, the journal's catalogue, and the files people start from.

UNITS_IN = \
	etc/systemd/palisade-apid@.service.in \
	etc/systemd/palisade-dcsd@.service.in \
	etc/systemd/palisade-fenced.service.in \
	etc/systemd/palisade-node@.service.in \
	etc/systemd/palisade-pgd@.service.in \
	etc/systemd/palisade-postgres@.service.in \
	etc/systemd/palisade-watchdogd.service.in \
	etc/systemd/palisaded@.service.in
UNITS_MADE = $(UNITS_IN:.in=)

systemunit_DATA = $(UNITS_MADE)
dist_systemunit_DATA = \
	etc/systemd/palisade-api@.socket \
	etc/systemd/palisade-apid@.socket \
	etc/systemd/palisade-dcsd@.socket \
	etc/systemd/palisade-fenced.socket \
	etc/systemd/palisade-pgd@.socket \
	etc/systemd/palisade-postgres@.socket \
	etc/systemd/palisade-softdog.service \
	etc/systemd/palisade-watchdogd.socket \
	etc/systemd/palisade@.target
systemunitdir = @systemunitdir@

$(UNITS_MADE): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(SED) -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' $< > $@

sysusersdir = @sysusersdir@
tmpfilesdir = @tmpfilesdir@
udevrulesdir = @udevrulesdir@
dist_udevrules_DATA = etc/60-palisade-watchdog.rules
catalogdir = @catalogdir@
dist_catalog_DATA = etc/palisade.catalog
exampledir = $(docdir)/examples
dist_example_DATA = etc/palisade.yml etc/haproxy.cfg

bashcompletiondir = @bashcompletiondir@
dist_bashcompletion_DATA = etc/completions/palisadectl etc/completions/palisaded

EXTRA_DIST += $(UNITS_IN) etc/palisade.sysusers etc/palisade.tmpfiles
CLEANFILES += $(UNITS_MADE)

install-data-local:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir)
	$(INSTALL_DATA) $(srcdir)/etc/palisade.sysusers $(DESTDIR)$(sysusersdir)/palisade.conf
	$(INSTALL_DATA) $(srcdir)/etc/palisade.tmpfiles $(DESTDIR)$(tmpfilesdir)/palisade.conf
	$(MKDIR_P) $(DESTDIR)$(bashcompletiondir) && \
		rm -f $(DESTDIR)$(bashcompletiondir)/palisade && \
		$(LN_S) palisaded $(DESTDIR)$(bashcompletiondir)/palisade

uninstall-local:
	rm -f $(DESTDIR)$(sysusersdir)/palisade.conf $(DESTDIR)$(tmpfilesdir)/palisade.conf
	rm -f $(DESTDIR)$(bashcompletiondir)/palisade
