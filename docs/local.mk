dist_man_MANS = \
	docs/man/palisade-apid.8 \
	docs/man/palisade-dcsd.8 \
	docs/man/palisade-fenced.8 \
	docs/man/palisade-launcher.8 \
	docs/man/palisade-pgd.8 \
	docs/man/palisade-watchdogd.8 \
	docs/man/palisade.7 \
	docs/man/palisade.yml.5 \
	docs/man/palisadectl.1 \
	docs/man/palisaded.8

dist_doc_DATA = README.md CHANGELOG.md
EXTRA_DIST += LICENSE docs/ARCHITECTURE.md docs/PARITY.md docs/SAFETY.md docs/SECURITY.md
