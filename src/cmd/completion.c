/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * completion -- scripts that complete ocirt's command line in bash, zsh and fish.
 *
 * Each is a fixed part in the language of the shell, which finds out where on the line the cursor is,
 * and a part that is printed here from the commands and the rows of their options: what may stand
 * there. So an option that help lists is completed, too, without being named again.
 */
#include "command.h"

#include "base/names.h"
#include "base/util.h"
#include "output.h"

enum what { NOTHING, ANYTHING, DIRECTORY, PATH, ID, WORDS };

/* What may stand at a place; `words` for WORDS only, with a space between them. */
struct place {
	enum what what;
	const char *words;
};

static const char *names(struct arena *a, const struct name *table, size_t n)
{
	const char *words = "";

	for (size_t i = 0; i < n && words; i++)
		words = arena_printf(a, "%s%s%s", words, i ? " " : "", table[i].name);
	return words;
}

static const char *command_names(struct arena *a)
{
	const char *words = "";

	for (size_t i = 0; commands[i] && words; i++)
		words = arena_printf(a, "%s%s%s", words, i ? " " : "", commands[i]->name);
	return words;
}

/* The value of an option, by what help calls it. */
static struct place value_of(struct arena *a, const struct option_row *row)
{
	if (!row->argument)
		return (struct place){ NOTHING, NULL };
	if (row->words)
		return (struct place){ WORDS, row->words };
	if (streq(row->argument, "CAPABILITY"))
		return (struct place){ WORDS, names(a, capability_names, n_capability_names) };
	/* PATH is one inside the container. */
	if (streq(row->argument, "DIR"))
		return (struct place){ DIRECTORY, NULL };
	if (streq(row->argument, "FILE") || streq(row->argument, "SOCKET"))
		return (struct place){ PATH, NULL };
	return (struct place){ ANYTHING, NULL };
}

/*
 * The next argument in the usage line of a command, "ID... [SIGNAL]", and whether it is repeated; moves
 * *usage behind it. The line has ended when this is NOTHING and *usage is at its end.
 */
static struct place argument_of(struct arena *a, const char **usage, bool *repeated)
{
	const char *word = *usage + strspn(*usage, " [");
	size_t len = strcspn(word, " ].");
	const char *text = arena_strndup(a, word, len);

	*repeated = after(word + len, "...") != NULL;
	*usage = word + len + strspn(word + len, " ].");
	if (!text || len == 0)
		return (struct place){ NOTHING, NULL };
	if (streq(text, "ID"))
		return (struct place){ ID, NULL };
	if (streq(text, "SIGNAL"))
		return (struct place){ WORDS, names(a, signal_names, n_signal_names) };
	if (streq(text, "COMMAND"))
		return (struct place){ WORDS, command_names(a) };
	if (!strchr(text, '|'))
		return (struct place){ ANYTHING, NULL }; /* of the container, not of this host */
	char *words = arena_strdup(a, text);

	for (char *c = words; c && *c; c++)
		if (*c == '|')
			*c = ' ';
	return (struct place){ WORDS, words };
}

/* Rows of a command that are not hidden, first those of its own. */
static const struct option_row *next_row(const struct command *c, const struct option_row *row)
{
	row = row ? row + 1 : c->rows ? c->rows : c->more_rows;
	while (row) {
		if (!row->name) {
			/* The end of `rows` or of `more_rows`? */
			const struct option_row *end = c->more_rows;

			while (end && end->name)
				end++;
			if (!c->rows || row == end)
				return NULL;
			row = c->more_rows;
		} else if (row->hidden) {
			row++;
		} else {
			return row;
		}
	}
	return NULL;
}

/* The options before a command, as if they were one's. */
static const struct command global = { .name = "", .arguments = "COMMAND", .rows = global_rows };

/* 0 is `global`, then the commands; NULL ends them. */
static const struct command *nth(size_t i)
{
	return i == 0 ? &global : commands[i - 1];
}

/* Between single quotes, with a backslash before each of `special`. */
static void quoted(const char *text, const char *quote, const char *special)
{
	output("'");
	for (; *text; text++) {
		if (*text == '\'') {
			output(quote);
			continue;
		}
		if (strchr(special, *text))
			output("\\");
		output_n(text, 1);
	}
	output("'");
}

/* ---- bash ------------------------------------------------------------------------------------ */

static const char bash_rest[] =
	"_ocirt() {\n"
	"	local line=() joined= word option= ends= command= root= n=0 i cur prefix= what= words=\n"
	"\n"
	"	# '=' and ':' are words of their own, because they are in COMP_WORDBREAKS.\n"
	"	for ((i = 1; i <= COMP_CWORD; i++)); do\n"
	"		word=${COMP_WORDS[i]}\n"
	"		if ((${#line[@]})) && [[ $joined || $word == [=:] ]]; then\n"
	"			line[${#line[@]} - 1]+=$word\n"
	"		else\n"
	"			line+=(\"$word\")\n"
	"		fi\n"
	"		joined=\n"
	"		[[ $word != [=:] ]] || joined=1\n"
	"	done\n"
	"	cur=${line[${#line[@]} - 1]}\n"
	"\n"
	"	for word in \"${line[@]:0:${#line[@]} - 1}\"; do\n"
	"		if [[ $option ]]; then # this is its value\n"
	"			[[ $option != --root ]] || root=$word\n"
	"			option=\n"
	"		elif [[ $word == -?* && ! $ends ]]; then\n"
	"			case $word in\n"
	"			--) ends=1 ;;\n"
	"			--root=*) root=${word#*=} ;;\n"
	"			--*=*) ;;\n"
	"			*) if _ocirt_value \"$command\" \"$word\"; then option=$word; fi ;;\n"
	"			esac\n"
	"		elif [[ ! $command ]]; then\n"
	"			command=$word ends=\n"
	"		else\n"
	"			n=$((n + 1))\n"
	"		fi\n"
	"	done\n"
	"\n"
	"	what= words= COMPREPLY=()\n"
	"	if [[ $option ]]; then\n"
	"		_ocirt_value \"$command\" \"$option\"\n"
	"	elif [[ $cur == --*=* && ! $ends ]]; then\n"
	"		_ocirt_value \"$command\" \"${cur%%=*}\"\n"
	"		prefix=${cur%%=*}= cur=${cur#*=}\n"
	"	elif [[ $cur == -* && ! $ends ]]; then\n"
	"		_ocirt_options \"$command\" \"$n\"\n"
	"	else\n"
	"		_ocirt_argument \"$command\" $((n + 1))\n"
	"	fi\n"
	"	case $what in\n"
	"	directory) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	"	path) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"	id)\n"
	"		words=$(\"${COMP_WORDS[0]}\" ${root:+--root \"$root\"} list -q 2>/dev/null)\n"
	"		mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"		;;\n"
	"	words) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
	"	esac\n"
	"	case $what in\n"
	"	directory | path) compopt -o filenames 2>/dev/null ;;\n"
	"	esac\n"
	"	if [[ $prefix && $COMP_WORDBREAKS != *=* ]]; then\n"
	"		COMPREPLY=(\"${COMPREPLY[@]/#/$prefix}\")\n"
	"	fi\n"
	"	return 0\n"
	"}\n"
	"complete -F _ocirt ocirt\n";

static void bash_place(struct place p)
{
	static const char *const names[] = { "nothing", "anything", "directory",
					     "path",    "id",       "words" };

	output_format(") what=%s", names[p.what]);
	if (p.what == WORDS)
		output_format(" words='%s'", p.words);
	output(" ;;\n");
}

static void bash_options(const struct command *c)
{
	/* What follows the first argument may have options of its own. */
	output_format("	'%s %s) what=words words='", c->name,
		      c->order == OPTIONS_FIRST || c == &global ? "0'" : "'*");
	for (const struct option_row *row = next_row(c, NULL); row; row = next_row(c, row))
		output_format("--%s ", row->name);
	output(c == &global ? "' ;;\n" : "--help' ;;\n");
}

static void bash_values(struct arena *a, const struct command *c)
{
	for (const struct option_row *row = next_row(c, NULL); row; row = next_row(c, row)) {
		struct place p = value_of(a, row);

		if (p.what == NOTHING)
			continue;
		/* Global options are understood behind any command, too. */
		const char *name = c == &global ? "*" : "";

		output_format("	%s'%s --%s'", name, c->name, row->name);
		if (row->letter)
			output_format(" | %s'%s -%c'", name, c->name, row->letter);
		bash_place(p);
	}
}

static void bash_arguments(struct arena *a, const struct command *c)
{
	const char *usage = c->arguments;

	for (int n = 1; *usage; n++) {
		bool repeated;
		struct place p = argument_of(a, &usage, &repeated);

		if (p.what <= ANYTHING)
			continue;
		if (repeated)
			output_format("	'%s '*", c->name);
		else
			output_format("	'%s %d'", c->name, n);
		bash_place(p);
	}
}

static void bash(struct arena *a)
{
	output("# bash completion of ocirt, made by 'ocirt completion bash'\n"
	       "\n"
	       "# The options of a command, or before one, after that many arguments.\n"
	       "_ocirt_options() { # COMMAND ARGUMENTS\n"
	       "	case \"$1 $2\" in\n");
	for (size_t i = 0; nth(i); i++)
		bash_options(nth(i));
	output("	esac\n"
	       "}\n"
	       "\n"
	       "# What the value of an option is; fails when it takes none.\n"
	       "_ocirt_value() { # COMMAND OPTION\n"
	       "	case \"$1 $2\" in\n");
	for (size_t i = 1; nth(i); i++)
		bash_values(a, nth(i));
	bash_values(a, nth(0)); /* a command's own letter comes first */
	output("	*) return 1 ;;\n"
	       "	esac\n"
	       "}\n"
	       "\n"
	       "# What the n-th argument of a command is.\n"
	       "_ocirt_argument() { # COMMAND N\n"
	       "	case \"$1 $2\" in\n");
	for (size_t i = 0; nth(i); i++)
		bash_arguments(a, nth(i));
	output("	esac\n"
	       "}\n"
	       "\n");
	output(bash_rest);
}

/* ---- zsh ------------------------------------------------------------------------------------- */

static const char zsh_head[] =
	"#compdef ocirt\n"
	"# zsh completion of ocirt, made by 'ocirt completion zsh'\n"
	"\n"
	"_ocirt_ids() {\n"
	"	local -a ids\n"
	"	ids=(${(f)\"$($ocirt ${root:+--root} $root list -q 2>/dev/null)\"})\n"
	"	compadd -a \"$@\" ids\n"
	"}\n"
	"\n";

static void zsh_place(struct place p, const char *title)
{
	output(":");
	quoted(title, "'\\''", ":[]\\");
	switch (p.what) {
	case DIRECTORY:
		output(":_directories");
		break;
	case PATH:
		output(":_files");
		break;
	case ID:
		output(":_ocirt_ids");
		break;
	case WORDS:
		output_format(":'(%s)'", p.words);
		break;
	default:
		output(":");
	}
}

static void zsh_option(struct arena *a, const struct option_row *row)
{
	const char *value = row->argument ? "=" : "";

	output("		");
	if (strstr(row->help, "repeatable"))
		output("'*'");
	else if (row->letter)
		output_format("'(-%c --%s)'", row->letter, row->name);
	if (row->letter)
		output_format("{-%c%s,--%s%s}", row->letter, row->argument ? "+" : "", row->name,
			      value);
	else
		output_format("--%s%s", row->name, value);
	output("'['");
	quoted(row->help, "'\\''", ":[]\\");
	output("']'");
	if (row->argument)
		zsh_place(value_of(a, row), row->argument);
	output(" \\\n");
}

/* The call of _arguments for one command. */
static void zsh_command(struct arena *a, const struct command *c)
{
	const char *usage = c->arguments;

	output_format("	%s)\n		_arguments -s -S %s: \\\n", c->name,
		      c->order == OPTIONS_FIRST ? "-A '-*' " : "");
	for (const struct option_row *row = next_row(c, NULL); row; row = next_row(c, row))
		zsh_option(a, row);
	for (int n = 1; *usage; n++) {
		bool repeated;
		struct place p = argument_of(a, &usage, &repeated);

		if (p.what <= ANYTHING)
			continue;
		if (repeated)
			output("		'*'");
		else
			output_format("		%d", n);
		zsh_place(p, p.what == ID ? "container" : "argument");
		output(" \\\n");
	}
	output("		'(-h --help)'{-h,--help}'[show the help of this command]'\n"
	       "		;;\n");
}

static void zsh(struct arena *a)
{
	output(zsh_head);
	output("_ocirt_commands() {\n"
	       "	local -a names=(\n");
	for (size_t i = 0; commands[i]; i++) {
		output_format("		%s:", commands[i]->name);
		quoted(commands[i]->summary, "'\\''", ":\\");
		output("\n");
	}
	output("	)\n"
	       "	_describe -t commands command names\n"
	       "}\n"
	       "\n"
	       "_ocirt() {\n"
	       "	local curcontext=$curcontext context state line ocirt=${words[1]} root\n"
	       "	typeset -A opt_args\n"
	       "\n"
	       "	_arguments -C -A '-*' -s -S : \\\n");
	for (const struct option_row *row = global_rows; row->name; row++)
		if (!row->hidden)
			zsh_option(a, row);
	output("		'1:command:_ocirt_commands' \\\n"
	       "		'*::argument:->arguments' && return\n"
	       "	[[ $state == arguments ]] || return 1\n"
	       "	root=${(Q)opt_args[--root]}\n"
	       "	case $words[1] in\n");
	for (size_t i = 0; commands[i]; i++)
		zsh_command(a, commands[i]);
	output("	esac\n"
	       "}\n"
	       "\n"
	       "# Loaded from the path of functions this is the function itself, else it is a script.\n"
	       "if [[ $funcstack[1] == _ocirt ]]; then\n"
	       "	_ocirt \"$@\"\n"
	       "else\n"
	       "	compdef _ocirt ocirt\n"
	       "fi\n");
}

/* ---- fish ------------------------------------------------------------------------------------ */

static const char fish_rest[] =
	"# The words before the cursor that are no options: the command, and its arguments.\n"
	"function __ocirt_words\n"
	"	set -l tokens (commandline -opc)\n"
	"	set -l command\n"
	"	set -l value 0\n"
	"	for token in $tokens[2..-1]\n"
	"		if test $value = 1\n"
	"			set value 0\n"
	"			continue\n"
	"		end\n"
	"		switch $token\n"
	"			case '--*=*'\n"
	"			case '-?*'\n"
	"				__ocirt_takes_value \"$command\" $token\n"
	"				and set value 1\n"
	"			case '*'\n"
	"				echo $token\n"
	"				test -n \"$command\"\n"
	"				or set command $token\n"
	"		end\n"
	"	end\n"
	"end\n"
	"\n"
	"# Is the cursor behind this command, or before any, and at its N-th argument?\n"
	"function __ocirt_at # COMMAND [N]\n"
	"	set -l given (__ocirt_words)\n"
	"	test \"$given[1]\" = \"$argv[1]\"\n"
	"	or return 1\n"
	"	test (count $argv) -lt 2 -o (count $given) = \"$argv[2]\"\n"
	"end\n"
	"\n"
	"function __ocirt_ids\n"
	"	set -l tokens (commandline -opc)\n"
	"	set -l root\n"
	"	set -l next 0\n"
	"	for token in $tokens\n"
	"		if test $next = 1\n"
	"			set root --root $token\n"
	"		end\n"
	"		set next 0\n"
	"		switch $token\n"
	"			case --root\n"
	"				set next 1\n"
	"			case '--root=*'\n"
	"				set root $token\n"
	"		end\n"
	"	end\n"
	"	$tokens[1] $root list -q 2>/dev/null\n"
	"end\n"
	"\n"
	"complete -c ocirt -f\n";

static void fish_place(struct place p)
{
	switch (p.what) {
	case NOTHING:
		break;
	case ANYTHING:
		output(" -x");
		break;
	case DIRECTORY:
		output(" -x -a '(__fish_complete_directories)'");
		break;
	case PATH:
		output(" -r -F");
		break;
	case ID:
		output(" -x -a '(__ocirt_ids)'");
		break;
	case WORDS:
		output_format(" -x -a '%s'", p.words);
		break;
	}
}

static void fish_takes_value(struct arena *a, const struct command *c)
{
	for (const struct option_row *row = next_row(c, NULL); row; row = next_row(c, row)) {
		if (value_of(a, row).what == NOTHING)
			continue;
		const char *name = c == &global ? "*" : c->name;

		output_format(" '%s --%s'", name, row->name);
		if (row->letter)
			output_format(" '%s -%c'", name, row->letter);
	}
}

static void fish_command(struct arena *a, const struct command *c)
{
	const char *usage = c->arguments;

	for (const struct option_row *row = next_row(c, NULL); row; row = next_row(c, row)) {
		output_format("complete -c ocirt -n '__ocirt_at \"%s\"%s' -l %s", c->name,
			      c->order == OPTIONS_FIRST ? " 1" : "", row->name);
		if (row->letter)
			output_format(" -s %c", row->letter);
		fish_place(value_of(a, row));
		output(" -d ");
		quoted(row->help, "\\'", "\\");
		output("\n");
	}
	if (c != &global)
		output_format("complete -c ocirt -n '__ocirt_at %s%s' -s h -l help"
			      " -d 'show the help of this command'\n",
			      c->name, c->order == OPTIONS_FIRST ? " 1" : "");
	/* The words before the cursor include the command itself. */
	for (int n = 1; c != &global && *usage; n++) {
		bool repeated;
		struct place p = argument_of(a, &usage, &repeated);

		if (p.what <= ANYTHING)
			continue;
		output_format("complete -c ocirt -n '__ocirt_at %s", c->name);
		if (!repeated)
			output_format(" %d", n);
		output("'");
		fish_place(p);
		output("\n");
	}
}

static void fish(struct arena *a)
{
	output("# fish completion of ocirt, made by 'ocirt completion fish'\n"
	       "\n"
	       "function __ocirt_takes_value # COMMAND OPTION\n"
	       "	string match -q -- \"* $argv[2] *\" \" ");
	/* Letters mean different things to different commands. */
	for (const struct option_row *row = global_rows; row->name; row++)
		if (!row->hidden && row->argument)
			output_format("--%s ", row->name);
	output("\"\n"
	       "	or contains -- \"$argv\"");
	for (size_t i = 1; nth(i); i++)
		fish_takes_value(a, nth(i));
	output("\nend\n\n");
	output(fish_rest);
	for (size_t i = 0; commands[i]; i++) {
		output_format("complete -c ocirt -n '__ocirt_at \"\"' -a %s -d ",
			      commands[i]->name);
		quoted(commands[i]->summary, "\\'", "\\");
		output("\n");
	}
	for (size_t i = 0; nth(i); i++)
		fish_command(a, nth(i));
}

static const struct {
	const char *name;
	void (*print)(struct arena *a);
} shells[] = {
	{ "bash", bash },
	{ "zsh", zsh },
	{ "fish", fish },
};

static int cmd_completion(struct invocation *in)
{
	struct arena a;
	int r;

	if (in->n_args == 0) {
		fail(in->e, 0, "the shell is missing");
		return hint(in->e, "usage: ocirt completion bash|zsh|fish");
	}
	for (size_t i = 0; i < array_len(shells); i++) {
		if (!streq(in->args[0], shells[i].name))
			continue;
		r = command_arena(in, &a);
		if (r < 0)
			return r;
		shells[i].print(&a);
		if (a.full)
			r = fail(in->e, ENOMEM, "no memory");
		arena_close(&a);
		return r;
	}
	return fail(in->e, 0, "'%s' is none of bash, zsh and fish", in->args[0]);
}

const struct command completion_command = {
	.name = "completion",
	.arguments = "bash|zsh|fish",
	.summary = "print a script that completes this command line in a shell",
	.description =
		"'make install' puts the scripts where the shells look for them. Elsewhere:\n"
		"  bash  source <(ocirt completion bash)\n"
		"  zsh   source <(ocirt completion zsh), after compinit\n"
		"  fish  ocirt completion fish | source\n",
	.max_args = 1,
	.run = cmd_completion,
};
