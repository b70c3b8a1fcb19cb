#!/usr/bin/env python3
"""Makes what bash, zsh and fish need to complete the program's command lines, from what --help says.

completions.py PROGRAM FOLDER [WRAPPER...]    WRAPPER: what runs a program of another machine
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass

from program import item_start, items, read_help

# Values that an option's help names in its text, not beside the option. A test compares them with it.
VALUES = {
    "--lock-resource": ("leases", "configmaps"),
    "--log-level": ("none", "error", "warning", "info", "debug"),
}
# After "--" they take a command of the user's.
RUN_COMMANDS = ("run", "become")


@dataclass
class Option:
    name: str
    argument: str  # "" for a switch
    help: str

    @property
    def values(self):
        if self.name in VALUES:
            return VALUES[self.name]
        return tuple(self.argument.split("|")) if "|" in self.argument else ()

    @property
    def is_file(self):
        return self.argument == "FILE"


def options_of(text):
    found = [Option("--help", "", "its options")]
    for lines in read_help(text)[2]:
        listed = [line for line in lines[item_start(lines):] if line.startswith("  ")]
        for tag, said in items(listed):
            match = re.match(r"(--[\w-]+)(?: (\S+))?$", tag)
            if match:
                found.append(Option(match[1], match[2] or "", said.replace("; needed", "")))
    return found


def read_program(said):
    """subcommand -> (what it does, its options)"""
    found = {}
    for name in re.findall(r"^  k8sleader ([a-z][\w-]*)", said("--help"), re.M):
        text = said(name, "--help")
        found[name] = (read_help(text)[1], options_of(text))
    return found


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


# ---- bash ----

BASH = """# bash completion for k8sleader, made of what its --help says

_k8sleader() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} subcommand='' words='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${{COMP_WORDS[i]}} == -- ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((COMP_CWORD == i + 1)); then
                mapfile -t COMPREPLY < <(compgen -c -- "$current")
            else
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
            fi
            return
        fi
        [[ -n $subcommand || ${{COMP_WORDS[i]}} == -* ]] || subcommand=${{COMP_WORDS[i]}}
    done
    case $subcommand:$previous in
{values}
    esac
    case $subcommand in
        '') words={subcommands} ;;
{options}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -F _k8sleader k8sleader
"""


def bash(program):
    values, options = [], []
    for name, (_, known) in program.items():
        for option in known:
            if option.is_file:
                action = 'mapfile -t COMPREPLY < <(compgen -f -- "$current"); return'
                values.append(f"        {name}:{option.name}) compopt -o filenames 2>/dev/null; {action} ;;")
            elif option.argument:
                # Nothing is offered where nobody knows what there may be: no option stands in for a value.
                words = quoted(" ".join(option.values))
                action = f'mapfile -t COMPREPLY < <(compgen -W {words} -- "$current"); return' if option.values else "return"
                values.append(f"        {name}:{option.name}) {action} ;;")
        words = [option.name for option in known] + (["--"] if name in RUN_COMMANDS else [])
        options.append(f"        {name}) words={quoted(' '.join(words))} ;;")
    return BASH.format(values="\n".join(values), options="\n".join(options),
                       subcommands=quoted(" ".join([*program, "--help", "--version"])))


# ---- zsh ----

ZSH = """#compdef k8sleader
# zsh completion for k8sleader, made of what its --help says

_k8sleader() {{
    local context state line
    typeset -A opt_args
    _arguments -C '(- *)--help[what there is]' '(- *)--version[the version]' '1: :->subcommand' '*:: :->arguments'
    case $state in
        subcommand)
            local -a subcommands=(
{subcommands}
            )
            _describe -t commands subcommand subcommands
            ;;
        arguments)
            case $words[1] in
{options}
            esac
            ;;
    esac
}}

_k8sleader "$@"
"""


def zsh_spec(option):
    said = re.sub(r"([\[\]\\:])", r"\\\1", option.help)
    many = "*" if "again" in option.help else ""
    spec = f"{many}{option.name}[{said}]"
    if option.is_file:
        spec += ":file:_files"
    elif option.values:
        spec += f":value:({' '.join(option.values)})"
    elif option.argument:
        spec += ":" + option.argument.replace(":", "\\:") + ": "
    return quoted(spec)


def zsh(program):
    subcommands = "\n".join(f"                {quoted(name + ':' + said.replace(':', chr(92) + ':'))}" for name, (said, _) in program.items())
    options = []
    for name, (_, known) in program.items():
        specs = [zsh_spec(option) for option in known] + (["'*::command:_normal'"] if name in RUN_COMMANDS else [])
        options.append(f"                {name})\n                    _arguments " + " \\\n                        ".join(specs)
                       + "\n                    ;;")
    return ZSH.format(subcommands=subcommands, options="\n".join(options))


# ---- fish ----


def fish(program):
    lines = ["# fish completion for k8sleader, made of what its --help says", "",
             "complete -c k8sleader -f",
             "complete -c k8sleader -n __fish_use_subcommand -l help -d 'what there is'",
             "complete -c k8sleader -n __fish_use_subcommand -l version -d 'the version'"]
    for name, (said, _) in program.items():
        lines.append(f"complete -c k8sleader -n __fish_use_subcommand -a {name} -d {fish_quoted(said)}")
    for name, (_, known) in program.items():
        condition = fish_quoted(f"__fish_seen_subcommand_from {name}")
        for option in known:
            more = ""
            if option.is_file:
                more = " -r -F"
            elif option.values:
                more = f" -x -a {fish_quoted(' '.join(option.values))}"
            elif option.argument:
                more = " -x"
            lines.append(f"complete -c k8sleader -n {condition} -l {option.name[2:]}{more} -d {fish_quoted(option.help)}")
        if name in RUN_COMMANDS:
            lines.append(f"complete -c k8sleader -n {fish_quoted(f'__fish_seen_subcommand_from {name}; and contains -- -- (commandline -opc)')}"
                         " -x -a '(__fish_complete_subcommand --commandline (string split -m1 -f2 -- \" -- \" (commandline -cp)))'")
    return "\n".join(lines) + "\n"


def fish_quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main(path, folder, *wrapper):
    def said(*arguments):
        return subprocess.run([*wrapper, path, *arguments], check=True, capture_output=True, text=True).stdout

    program = read_program(said)
    os.makedirs(folder, exist_ok=True)
    for name, text in (("k8sleader", bash(program)), ("_k8sleader", zsh(program)), ("k8sleader.fish", fish(program))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
