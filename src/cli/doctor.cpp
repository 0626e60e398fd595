// `trainwarden doctor`: what works, what does not, and what to do about it: at the server that the shell points to, and on this machine.
#include "cli/commands.hpp"
#include "cli/data_paths.hpp"
#include "cli/doctor_report.hpp"
#include "cli/terminal.hpp"

namespace cli {
namespace {

const char* word_of(Finding finding) {
    switch (finding) {
        case Finding::ok:
            return "ok";
        case Finding::warning:
            return "warning";
        case Finding::problem:
            return "problem";
    }
    return "problem";
}

Style style_of(Finding finding) {
    switch (finding) {
        case Finding::ok:
            return Style::green;
        case Finding::warning:
            return Style::yellow;
        case Finding::problem:
            return Style::red;
    }
    return Style::red;
}

constexpr size_t word_width = 7;
constexpr char indent[] = "         ";

}  // namespace

void DoctorReport::add(Finding finding, const std::string& what, const std::string& remedy) {
    has_problem_ = has_problem_ || finding == Finding::problem;
    const std::string word = word_of(finding);
    if (json) {
        text::Json check = text::Json::object({{"Finding", word}, {"What", what}});
        if (!remedy.empty()) check.set("Remedy", remedy);
        checks_.push(std::move(check));
        return;
    }
    print(paint(style_of(finding), word + std::string(word_width - word.size(), ' ')) + "  " + Text::lines(what, indent) + "\n");
    if (!remedy.empty()) print(indent + Text::lines(remedy, indent) + "\n");
}

void DoctorReport::print_json_if_wanted() const {
    if (json) print_pretty_json(checks_);
}

void add_doctor(Command& root) {
    auto report = std::make_shared<DoctorReport>();
    Command command = root.subcommand("doctor", "Check the server that the shell points to, your credentials and this machine");
    command.flag("--json", report->json, "print JSON");
    auto named = std::make_shared<std::string>();
    command.data_folder(*named, "the server's data folder; by default that of `serve`");
    command.footer("Exit status 1 if there is a problem; warnings leave it at 0.");
    command.action([report, named]() -> base::Result<int> {
        const std::string data = named->empty() ? default_data_folder() : *named;
        check_server(*report, {.path = data, .is_named = !named->empty()});
        check_data_folder(*report, data);
        check_disk(*report, data);
        check_clock(*report);
        check_programs(*report);
        check_sandbox(*report);
        check_volumes(*report);
        check_gpus(*report);
        check_slurm(*report);
        report->print_json_if_wanted();
        return report->has_problem() ? 1 : 0;
    });
}

}  // namespace cli
