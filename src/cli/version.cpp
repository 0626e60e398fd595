// `trainwarden version`
#include <cstdio>

#include "cli/commands.hpp"
#include "text/json.hpp"

namespace cli {

void add_version(Command& root) {
    struct Options {
        bool json = false;
    };
    auto options = std::make_shared<Options>();
    Command version = root.subcommand("version", "Print the version");
    version.flag("--json", options->json, "print JSON");
    version.action([options]() -> base::Result<int> {
        if (options->json)
            std::puts(text::Json::object({{"Version", TRAINWARDEN_VERSION}}).dump().c_str());
        else
            std::puts("trainwarden " TRAINWARDEN_VERSION);
        return 0;
    });
}

}  // namespace cli
