// `trainwarden completion`, `trainwarden manual`
#include "base/error_codes.hpp"
#include "cli/commands.hpp"
#include "cli/completion_scripts.hpp"
#include "cli/manual_page.hpp"
#include "cli/terminal.hpp"

namespace cli {

void add_completion(Command& root) {
    struct Options {
        std::string shell;
    };
    auto options = std::make_shared<Options>();
    Command completion = root.subcommand("completion", "Print a script that completes commands and options in a shell");
    completion.positional("shell", options->shell, "bash, zsh or fish");
    completion.footer(
        "bash:  source <(trainwarden completion bash)\n"
        "zsh:   source <(trainwarden completion zsh)\n"
        "fish:  trainwarden completion fish | source");
    completion.action([options, describe = root.describer()]() -> base::Result<int> {
        const Description all = describe();
        if (options->shell == "bash")
            print_exact(bash_completion(all));
        else if (options->shell == "zsh")
            print_exact(zsh_completion(all));
        else if (options->shell == "fish")
            print_exact(fish_completion(all));
        else
            return base::fail(base::code::Usage, "there is no completion for `" + options->shell + "`; bash, zsh or fish?");
        return 0;
    });

    Command manual = root.subcommand("manual", "Print the manual page, as `man` reads it");
    manual.hide();
    manual.action([describe = root.describer()]() -> base::Result<int> {
        print_exact(manual_page(describe(), TRAINWARDEN_VERSION));
        return 0;
    });
}

}  // namespace cli
