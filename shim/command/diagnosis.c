/* SPDX-License-Identifier: MIT */
/* Prints what `replyfrom doctor` found, a line for each thing. */
#include "command/diagnosis.h"

#include "command/command.h"
#include "command/print.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool as_json;
static size_t counts[DIAGNOSIS_WRONG + 1];

void diagnosis_begin(bool json)
{
	as_json = json;
}

static void print_finding(const char *result, const char *about,
			  const char *text, const char *next)
{
	static bool comma;

	print("%s\"result\": \"%s\", \"about\": \"%s\", \"text\": ",
	      comma ? ", {" : "{\"findings\": [{", result, about);
	print_json(text);
	print(", \"next\": ");
	print_json(next ? next : "");
	print("}");
	comma = true;
}

void diagnosis_say(enum diagnosis what, const char *about, const char *next,
		   const char *format, ...)
{
	static const struct {
		const char *name;
		enum print_color color;
		const char *padding;
	} results[] = {
		[DIAGNOSIS_OK] = { "ok", PRINT_GREEN, "     " },
		[DIAGNOSIS_NOTE] = { "note", PRINT_YELLOW, "   " },
		[DIAGNOSIS_UNKNOWN] = { "unknown", PRINT_YELLOW, "" },
		[DIAGNOSIS_WRONG] = { "WRONG", PRINT_RED, "  " },
	};
	char text[4 * PATH_MAX];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	counts[what]++;
	if (as_json) {
		print_finding(results[what].name, about, text, next);
		return;
	}
	print_in(results[what].color, results[what].name);
	print_line("%s  %s: %s%s%s", results[what].padding, about, text,
		   next ? "; next: " : "", next ? next : "");
}

int diagnosis_end(void)
{
	int status = EXIT_SUCCESS;

	if (counts[DIAGNOSIS_WRONG])
		status = EXIT_WRONG;
	else if (counts[DIAGNOSIS_UNKNOWN])
		status = EXIT_INCOMPLETE;
	if (as_json)
		print_line("], \"status\": %d}", status);
	return status;
}

int diagnosis_fail(const char *word, const char *why)
{
	const int status = command_fail(EXIT_INCOMPLETE, word, why);

	if (as_json)
		print_line("{\"findings\": [], \"status\": %d}", status);
	return status;
}
