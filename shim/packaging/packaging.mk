# SPDX-License-Identifier: MIT
# make install    puts all under PREFIX, in DESTDIR; make uninstall takes it away

PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
BINDIR = $(PREFIX)/bin
DATADIR = $(PREFIX)/share
DOCDIR = $(DATADIR)/doc/replyfrom
MANDIR = $(DATADIR)/man
DOCS = CHANGELOG.md LICENSE README.md

# MODE:FROM:TO, each file.
INSTALLED = 644:$(B)/libreplyfrom.so:$(LIBDIR)/libreplyfrom.so \
	755:$(B)/replyfrom:$(BINDIR)/replyfrom \
	644:shim/completions/replyfrom.bash:$(DATADIR)/bash-completion/completions/replyfrom \
	644:shim/completions/_replyfrom:$(DATADIR)/zsh/site-functions/_replyfrom \
	644:demo/systemd/replyfrom.conf:$(DOCDIR)/examples/replyfrom.conf \
	644:$(B)/man/replyfrom.1:$(MANDIR)/man1/replyfrom.1 \
	644:$(B)/man/libreplyfrom.7:$(MANDIR)/man7/libreplyfrom.7 \
	$(foreach doc,$(DOCS),644:$(doc):$(DOCDIR)/$(doc))

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
	$(Q)for own in $(DOCDIR)/examples $(DOCDIR); do \
		[ ! -d "$(DESTDIR)$$own" ] || \
			rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$own"; \
	done

.PHONY: install uninstall
