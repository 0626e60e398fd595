// `trainwarden`: every command in one binary.
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "server/coverage.hpp"
#include "server/serve.hpp"

int main(int argc, char** argv) { return cli::run(argc, argv, {server::add_serve, cli::add_commands, server::add_coverage}); }
