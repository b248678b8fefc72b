# SPDX-License-Identifier: MIT
# make install    puts all under PREFIX, in DESTDIR; make uninstall takes it away
# make deb        Debian packages, in build/deb
# make rpm        a package for rpm, in build/rpm

PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
BINDIR = $(PREFIX)/bin
DATADIR = $(PREFIX)/share
DOCDIR = $(DATADIR)/doc/replyfrom
MANDIR = $(DATADIR)/man
DOCS = CHANGELOG.md LICENSE README.md
# What the README names, where it names it.
EXAMPLES = demo/demo.svg demo/problem.svg demo/reply_time.bt \
	$(wildcard demo/containers/* demo/systemd/*)

# MODE:FROM:TO, each file.
INSTALLED = 644:$(B)/libreplyfrom.so:$(LIBDIR)/libreplyfrom.so \
	755:$(B)/replyfrom:$(BINDIR)/replyfrom \
	644:shim/completions/replyfrom.bash:$(DATADIR)/bash-completion/completions/replyfrom \
	644:shim/completions/_replyfrom:$(DATADIR)/zsh/site-functions/_replyfrom \
	644:shim/completions/replyfrom.fish:$(DATADIR)/fish/vendor_completions.d/replyfrom.fish \
	644:$(B)/man/replyfrom.1:$(MANDIR)/man1/replyfrom.1 \
	644:$(B)/man/libreplyfrom.7:$(MANDIR)/man7/libreplyfrom.7 \
	$(foreach doc,$(DOCS) $(EXAMPLES),644:$(doc):$(DOCDIR)/$(doc))

$(B)/man/%: shim/man/% Makefile
	$(Q)mkdir -p $(@D)
	$(Q)sed 's/^\.Os$$/.Os "replyfrom $(VERSION)"/' $< >$@

# By rename: what runs goes on with the file that it has mapped, and what starts
# finds the old one or the new.
install: all $(B)/man/replyfrom.1 $(B)/man/libreplyfrom.7
	$(say) INSTALL "$(DESTDIR)$(PREFIX)"
	$(Q)set -e; for file in $(INSTALLED); do \
		from=$${file#*:}; to="$(DESTDIR)$${from#*:}"; \
		install -d "$${to%/*}"; \
		install -m "$${file%%:*}" "$${from%%:*}" "$$to.new"; \
		mv -f "$$to.new" "$$to"; \
	done

# What is installed elsewhere, too, keeps its directory.
uninstall:
	$(say) REMOVE "$(DESTDIR)$(PREFIX)"
	$(Q)for file in $(INSTALLED); do rm -f "$(DESTDIR)$${file##*:}"; done
	$(Q)[ ! -d "$(DESTDIR)$(DOCDIR)" ] || \
		find "$(DESTDIR)$(DOCDIR)" -type d -empty -delete

# Packages are built of a copy, so that nothing is left beside the sources, and are
# as old as what they are made of.
SOURCE = replyfrom-$(VERSION)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || \
	date -r CHANGELOG.md +%s)
COPIED = CHANGELOG.md LICENSE Makefile README.md demo shim tests
copy_sources = rm -rf $(1) && mkdir -p $(1)/$(SOURCE) && \
	tar -c --exclude=__pycache__ $(COPIED) | tar -xC $(1)/$(SOURCE)

# Not with what this make was told.
FRESH = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B

deb:
	$(INSTALL) packaging
	$(say) DEB $(B)/deb
	$(Q)$(call copy_sources,$(B)/deb)
	$(Q)cp -r shim/packaging/debian $(B)/deb/$(SOURCE)
	$(Q)printf 'replyfrom (%s) unstable; urgency=medium\n\n  * %s\n\n -- %s  %s\n' \
		$(VERSION) 'See CHANGELOG.md.' \
		"$$(sed -n 's/^Maintainer: //p' shim/packaging/debian/control)" \
		"$$(date -u -R -d @$(SOURCE_DATE_EPOCH))" \
		>$(B)/deb/$(SOURCE)/debian/changelog
	$(Q)cd $(B)/deb/$(SOURCE) && $(FRESH) \
		dpkg-buildpackage -us -uc >../log 2>&1 || \
		{ tail -n 20 ../log >&2; exit 1; }
	$(Q)rm -r $(B)/deb/$(SOURCE)
	$(Q)lintian --allow-root --fail-on error,warning $(B)/deb/*.changes

# Debian's rpm knows of no packages that there could be to build with.
rpm:
	$(INSTALL) packaging
	$(say) RPM $(B)/rpm
	$(Q)$(call copy_sources,$(B)/rpm)
	$(Q)cd $(B)/rpm/$(SOURCE) && $(FRESH) \
		SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) rpmbuild -bb --build-in-place \
		$(if $(wildcard /etc/debian_version),--nodeps) \
		--define '_topdir $(abspath $(B))/rpm' \
		--define '_rpmdir $(abspath $(B))/rpm' \
		--define '_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm' \
		--define 'version_of_replyfrom $(VERSION)' \
		shim/packaging/replyfrom.spec >../log 2>&1 || \
		{ tail -n 20 ../log >&2; exit 1; }
	$(Q)rm -r $(B)/rpm/$(SOURCE)

.PHONY: install uninstall deb rpm
