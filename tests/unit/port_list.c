/* SPDX-License-Identifier: MIT */
/* Lists of ports: numbers, ranges and names of services. */
#include "common/port_list.h"

#include "unit.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

static uint32_t ports[PORTS_WORDS];

/* What /etc/services has, for the test. */
static const char *services_text;
static size_t services_at;
static int opened;

static long read_services(void *data, size_t bytes)
{
	size_t left = strlen(services_text + services_at);

	/* As a read that a line goes across. */
	if (bytes > 7)
		bytes = 7;
	if (left > bytes)
		left = bytes;
	memcpy(data, services_text + services_at, left);
	services_at += left;
	return (long)left;
}

static long call(long number, ...)
{
	long result = 0;
	va_list list;

	va_start(list, number);
	if (number == SYS_openat) {
		assert_int_equal(va_arg(list, int), AT_FDCWD);
		assert_string_equal(va_arg(list, char *), "/etc/services");
		opened++;
		services_at = 0;
		result = services_text ? 3 : -1;
	} else {
		assert_int_equal(va_arg(list, int), 3);
		if (number == SYS_read) {
			void *data = va_arg(list, void *);

			result = read_services(data, va_arg(list, size_t));
		} else {
			assert_int_equal(number, SYS_close);
			opened--;
		}
	}
	va_end(list);
	return result;
}

static bool read_ports(const char *text)
{
	memset(ports, 0, sizeof(ports));
	opened = 0;
	return port_list_read(text, call, ports);
}

static size_t count(void)
{
	size_t found = 0;

	for (uint32_t port = 0; port < PORTS_COUNT; port++)
		found += ports_has(ports, (uint16_t)port);
	return found;
}

BEFORE_EACH(set_services)
{
	services_text = "# names\ntcpmux\t1/tcp\n"
			"domain\t53/tcp\ndomain 53/udp nameserver # DNS\n"
			"tftp 69/udp\n3com-tsmux 106/udp\nlast 9999/udp";
}

TEST(ports_and_ranges_are_set)
{
	assert_true(read_ports("53,5000-5010"));

	assert_true(ports_has(ports, 53) && ports_has(ports, 5000) &&
		    ports_has(ports, 5010));
	assert_int_equal(count(), 12);
	assert_int_equal(opened, 0);
}

TEST(commas_and_blanks_separate)
{
	static const char *const lists[] = { "53 69", "53, 69", " 53\t69 ",
					     "53 , 69", "53,69" };

	for (size_t i = 0; i < COUNT(lists); i++) {
		assert_true(read_ports(lists[i]));
		assert_true(ports_has(ports, 53) && ports_has(ports, 69));
		assert_int_equal(count(), 2);
	}
}

TEST(services_are_known_by_name_and_alias)
{
	static const struct {
		const char *name;
		uint16_t port;
	} known[] = {
		{ "domain", 53 }, { "nameserver", 53 },	 { "DOMAIN", 53 },
		{ "tftp", 69 },	  { "3com-tsmux", 106 }, { "last", 9999 }
	};

	for (size_t i = 0; i < COUNT(known); i++) {
		assert_true(read_ports(known[i].name));
		assert_true(ports_has(ports, known[i].port));
		assert_int_equal(count(), 1);
		assert_int_equal(opened, 0);
	}
}

TEST(what_is_no_list_is_refused)
{
	static const char *const lists[] = {
		"",	  " ",	   ",",	     "53,",    ",53",	    "53,,69",
		"0",	  "65536", "1-0",    "53-",    "-53",	    "1-2-3",
		"tcpmux", "names", "domai",  "DNS",    "no-such",   "53;69",
		"5x",	  "+53",   "53/udp", "123456", "4294967349"
	};

	for (size_t i = 0; i < COUNT(lists); i++)
		assert_false(read_ports(lists[i]));
}

TEST(without_a_services_file_names_are_unknown)
{
	services_text = NULL;

	assert_false(read_ports("domain"));
	assert_true(read_ports("53"));
}
