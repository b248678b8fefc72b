# SPDX-License-Identifier: MIT
# make install    puts all under PREFIX, in DESTDIR; make uninstall takes it away
# make deb        Debian packages, in build/deb
# make rpm        a package for rpm, in build/rpm
# make release    all that a release has, in build/release: built on the oldest
#                 Debian, and installed in clean roots

PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
BINDIR = $(PREFIX)/bin
DATADIR = $(PREFIX)/share
DOCDIR = $(DATADIR)/doc/replyfrom
MANDIR = $(DATADIR)/man
DOCS = CHANGELOG.md LICENSE README.md
# What the README names, where it names it.
EXAMPLES = demo/demo.svg demo/problem.svg demo/reply_time.bt \
	$(wildcard demo/containers/* demo/systemd/*) \
	$(sort $(shell find demo/ansible -type f))

# MODE:FROM:TO, each file.
INSTALLED = 644:$(B)/libreplyfrom.so:$(LIBDIR)/libreplyfrom.so \
	755:$(B)/replyfrom:$(BINDIR)/replyfrom \
	644:shim/completions/replyfrom.bash:$(DATADIR)/bash-completion/completions/replyfrom \
	644:shim/completions/_replyfrom:$(DATADIR)/zsh/site-functions/_replyfrom \
	644:shim/completions/replyfrom.fish:$(DATADIR)/fish/vendor_completions.d/replyfrom.fish \
	644:$(B)/man/replyfrom.1:$(MANDIR)/man1/replyfrom.1 \
	644:$(B)/man/libreplyfrom.7:$(MANDIR)/man7/libreplyfrom.7 \
	$(foreach doc,$(DOCS) $(EXAMPLES),644:$(doc):$(DOCDIR)/$(doc))
# Where `make kernel` has built it.
INSTALLED_KERNEL = 755:$(B)/replyfrom-kernel:$(BINDIR)/replyfrom-kernel \
	644:shim/man/replyfrom-kernel.1:$(MANDIR)/man1/replyfrom-kernel.1

$(B)/man/%: shim/man/% Makefile $(B)/defined
	$(Q)mkdir -p $(@D)
	$(Q)sed 's/^\.Os$$/.Os "replyfrom $(VERSION)"/' $< >$@

# By rename: what runs goes on with the file that it has mapped, and what starts
# finds the old one or the new.
install: all $(B)/man/replyfrom.1 $(B)/man/libreplyfrom.7
	$(say) INSTALL "$(DESTDIR)$(PREFIX)"
	$(Q)set -e; for file in $(INSTALLED) \
		$(if $(wildcard $(B)/replyfrom-kernel),$(INSTALLED_KERNEL)); do \
		from=$${file#*:}; to="$(DESTDIR)$${from#*:}"; \
		install -d "$${to%/*}"; \
		install -m "$${file%%:*}" "$${from%%:*}" "$$to.new"; \
		mv -f "$$to.new" "$$to"; \
	done

# What is installed elsewhere, too, keeps its directory.
uninstall:
	$(say) REMOVE "$(DESTDIR)$(PREFIX)"
	$(Q)for file in $(INSTALLED) $(INSTALLED_KERNEL); do rm -f "$(DESTDIR)$${file##*:}"; done
	$(Q)[ ! -d "$(DESTDIR)$(DOCDIR)" ] || \
		find "$(DESTDIR)$(DOCDIR)" -type d -empty -delete

# Packages are built of a copy, so that nothing is left beside the sources, and are
# as old as what they are made of.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || \
	date -r CHANGELOG.md +%s)
PACKAGE_VERSION ?= $(shell shim/packaging/version $(VERSION) $(SOURCE_DATE_EPOCH))
# The project's page, a field of the packages.  No file of the project names one, so
# who builds them gives it: make deb HOMEPAGE=https://...
HOMEPAGE =
MAINTAINER = $(shell sed -n 's/^Maintainer: //p' shim/packaging/debian/control)
SOURCE = replyfrom-$(PACKAGE_VERSION)
COPIED = CHANGELOG.md LICENSE Makefile README.md demo shim tests
copy_sources = rm -rf $(1) && mkdir -p $(1)/$(SOURCE) && \
	tar -c --exclude=__pycache__ $(COPIED) | tar -xC $(1)/$(SOURCE)
write_changelog = shim/packaging/changelog $(1) $(PACKAGE_VERSION) \
	$(SOURCE_DATE_EPOCH) '$(MAINTAINER)'

# What replyfrom-kernel is built with and is not there.  The packages are built
# without it then.
KERNEL_LACKS = $(strip $(foreach tool,bpftool clang, \
	$(if $(shell PATH=$$PATH:/usr/sbin; command -v $(tool)),,$(tool))) \
	$(if $(wildcard /usr/include/bpf/libbpf.h),,libbpf-dev))
say_what_kernel_lacks = @[ -z '$(KERNEL_LACKS)' ] || echo '$(1): without \
	replyfrom-kernel: install $(KERNEL_LACKS) to build it'

# Not with what this make was told.
FRESH = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u B

# What dpkg-buildpackage is run in: also by make release.
deb-source: PACKAGE_VERSION := $(PACKAGE_VERSION)
deb-source:
	$(Q)$(call copy_sources,$(B)/deb)
	$(Q)cp -r shim/packaging/debian $(B)/deb/$(SOURCE)
	$(Q)$(if $(HOMEPAGE),sed -i '/^Standards-Version/a Homepage: $(HOMEPAGE)' \
		$(B)/deb/$(SOURCE)/debian/control)
	$(Q)$(call write_changelog,deb) >$(B)/deb/$(SOURCE)/debian/changelog

deb: PACKAGE_VERSION := $(PACKAGE_VERSION)
deb:
	$(INSTALL) packaging
	$(call say_what_kernel_lacks,deb)
	$(say) DEB $(B)/deb
	$(Q)$(AGAIN) deb-source PACKAGE_VERSION=$(PACKAGE_VERSION)
	$(Q)cd $(B)/deb/$(SOURCE) && $(FRESH) \
		dpkg-buildpackage -us -uc \
		$(if $(KERNEL_LACKS),-Ppkg.replyfrom.nokernel) >../log 2>&1 || \
		{ tail -n 20 ../log >&2; exit 1; }
	$(Q)rm -r $(B)/deb/$(SOURCE)
	$(Q)lintian --allow-root --fail-on error,warning $(B)/deb/*.changes

rpm-source: PACKAGE_VERSION := $(PACKAGE_VERSION)
rpm-source:
	$(Q)$(call copy_sources,$(B)/rpm)
	$(Q){ cat shim/packaging/replyfrom.spec; printf '\n%%%%changelog'; \
		$(call write_changelog,rpm); } >$(B)/rpm/$(SOURCE)/replyfrom.spec

# Debian's rpm knows of no packages that there could be to build with.
RPMBUILD = SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) rpmbuild -bb --build-in-place \
	$(if $(KERNEL_LACKS),,--with kernel) \
	$(if $(wildcard /etc/debian_version),--nodeps) \
	--define '_topdir $(abspath $(B))/rpm' \
	--define '_rpmdir $(abspath $(B))/rpm' \
	--define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
	--define 'version_of_replyfrom $(PACKAGE_VERSION)' \
	$(if $(HOMEPAGE),--define 'url_of_replyfrom $(HOMEPAGE)') replyfrom.spec

rpm: PACKAGE_VERSION := $(PACKAGE_VERSION)
rpm:
	$(INSTALL) packaging
	$(call say_what_kernel_lacks,rpm)
	$(say) RPM $(B)/rpm
	$(Q)$(AGAIN) rpm-source PACKAGE_VERSION=$(PACKAGE_VERSION)
	$(Q)cd $(B)/rpm/$(SOURCE) && $(FRESH) $(RPMBUILD) >../log 2>&1 || \
		{ tail -n 20 ../log >&2; exit 1; }
	$(Q)rm -r $(B)/rpm/$(SOURCE)

release:
	$(IN_ROOT_WITH) e2e containers packaging -- env VERSION=$(PACKAGE_VERSION) \
		SECONDS=$(SOURCE_DATE_EPOCH) HOMEPAGE='$(HOMEPAGE)' tests/containers/release

# Prints the version of what is built here.
release-version:
	@echo $(PACKAGE_VERSION)

.PHONY: release release-version deb-source rpm-source install uninstall deb rpm
