// `trainwarden version`
#include "cli/version.hpp"

#include <cstdio>

#include "cli/commands.hpp"
#include "cli/commit.hpp"
#include "cli/terminal.hpp"
#include "text/json.hpp"

namespace cli {

std::string_view version() { return TRAINWARDEN_VERSION; }

void add_version(Command& root) {
    struct Options {
        bool json = false;
    };
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("version", "Print the version");
    command.flag("--json", options->json, "print JSON");
    command.action([options]() -> base::Result<int> {
        if (options->json)
            print_json(text::Json::object({{"Version", TRAINWARDEN_VERSION}, {"Commit", std::string(commit())}}));
        else
            print(Text("trainwarden " TRAINWARDEN_VERSION) + (commit().empty() ? "" : " (commit " + std::string(commit()) + ")") +
                  "\n");
        return 0;
    });
}

}  // namespace cli
