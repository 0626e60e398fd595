// Scripts and manual page: what stands in them. That shells take them, and what they then offer, is tests/completion.py's.
#include "cli/completion_scripts.hpp"

#include <doctest/doctest.h>

#include "cli/manual_page.hpp"

namespace {

const cli::Description described{
    .name = "warden",
    .help = "guards things",
    .options = {{.names = {"-h", "--help"}, .help = "help"}},
    .commands = {
        {.name = "up",
         .help = "deploys it\nand more",
         .footer = ".dots and 'quotes'",
         .options = {{.names = {"-s", "--stack"}, .value = "NAME", .help = "the program's stack", .default_value = "dev"},
                     {.names = {"--cwd"}, .value = "DIR", .help = "where"},
                     {.names = {"--file"}, .value = "FILE", .help = "which"}},
         .positionals = {{.name = "what", .help = "a thing", .required = true, .many = true}}},
        {.name = "stack", .help = "stacks", .commands = {{.name = "init", .help = "makes one: empty"}}}}};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("completions of every shell know commands below commands and which options take files, folders or something else") {
    const std::string bash = cli::bash_completion(described);
    CHECK(has(bash, "\"warden stack init\""));
    CHECK(has(bash, "\"warden stack\") words='init'"));
    CHECK(has(bash, "\"warden\") words='up stack -h --help'"));
    CHECK(has(bash, "\"warden up --file\") mapfile -t COMPREPLY < <(compgen -f"));
    CHECK(has(bash, "\"warden up --cwd\") mapfile -t COMPREPLY < <(compgen -d"));
    CHECK(has(bash, "\"warden up -s\"|\"warden up --stack\") return"));
    CHECK_FALSE(has(bash, "\"warden --help\""));  // a flag: the next word is a word of its own

    const std::string zsh = cli::zsh_completion(described);
    CHECK(zsh.starts_with("#compdef warden\n"));
    CHECK(has(zsh, "'--stack:the program'\\''s stack'"));
    CHECK(has(zsh, "'up:deploys it'"));
    CHECK(has(zsh, "'init:makes one: empty'"));

    const std::string fish = cli::fish_completion(described);
    CHECK(has(fish, "-n '__warden_at warden stack' -f -a 'init'"));
    CHECK(has(fish, "-s s -l stack -x -d 'the program'\\''s stack'"));
    CHECK(has(fish, "-l file -r -F"));
}

TEST_CASE("the manual page holds every command, and no text of theirs is taken for roff") {
    const std::string page = cli::manual_page(described, "1.2");
    CHECK(page.starts_with(".TH WARDEN 1 \"\" \"warden 1.2\""));
    CHECK(has(page, "warden \\- guards things"));
    CHECK(has(page, "\\fBwarden stack init\\fR"));
    CHECK(has(page, "\\fB\\-\\-stack\\fR \\fINAME\\fR"));
    CHECK(has(page, "(default: dev)"));
    CHECK(has(page, "\\fIwhat\\fR..."));
    CHECK(has(page, "\n\\&.dots and 'quotes'"));
}
