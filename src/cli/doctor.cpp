// `trainwarden doctor`: what works on this machine, what does not, and what to do about it.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/data_paths.hpp"
#include "cli/running_server.hpp"
#include "cli/terminal.hpp"
#include "http/client.hpp"
#include "model/sts/operations.hpp"
#include "model/trainwarden/operations.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

enum class Finding { good, missing_option, bad };

struct Report {
    bool json = false;
    text::Json checks = text::Json::array();
    bool bad = false;

    void add(Finding finding, const std::string& what, const std::string& remedy = "") {
        bad = bad || finding == Finding::bad;
        const char* word = finding == Finding::good ? "ok" : finding == Finding::bad ? "bad" : "absent";
        if (json) {
            text::Json check = text::Json::object({{"Finding", word}, {"What", what}});
            if (!remedy.empty()) check.set("Remedy", remedy);
            checks.push(std::move(check));
            return;
        }
        const Style style = finding == Finding::good ? Style::green : finding == Finding::bad ? Style::red : Style::yellow;
        const std::string padded = word + std::string(6 - std::string_view(word).size(), ' ');
        print(paint(style, padded) + "  " + Text::lines(what, "        ") + "\n");
        if (!remedy.empty()) print("        " + Text(remedy) + "\n");
    }
};

bool in_path(const std::string& program) {
    const char* path = std::getenv("PATH");
    for (std::string_view folder : base::split(path != nullptr ? path : "", ':')) {
        if (!folder.empty() && ::access((std::string(folder) + "/" + program).c_str(), X_OK) == 0) return true;
    }
    return false;
}

// What the server found when it last read all that it has stored. Who may not ask is told nothing: the credentials are right all the same.
void check_scrub(Report& report, wire::Client& client) {
    const auto scrub = client.call<model::trainwarden::DescribeScrub>({});
    if (!scrub) return;
    if (scrub->damaged > 0) {
        std::string first;
        if (!scrub->places.empty()) first = ", among them " + scrub->places.front();
        report.add(Finding::bad, "of what the server has stored, " + std::to_string(scrub->damaged) + " damaged" + first,
                   "trainwarden admin check names all; restore a backup, or upload those objects again");
    } else if (scrub->bytes_per_second == 0) {
        report.add(Finding::missing_option, "the server does not read again what it has stored",
                   "serve without --limit scrub-bytes-per-second=0");
    } else if (scrub->ended) {
        report.add(Finding::good, "all that the server has stored was read and compared, last at " + *scrub->ended);
    }
}

void check_server(Report& report) {
    auto options = wire::options_from_environment();
    if (!options) {
        report.add(Finding::bad, "no credentials: " + options.error().message, "run: eval \"$(trainwarden env)\"");
        return;
    }
    const std::string endpoint = options->endpoint.empty() ? "AWS itself (AWS_ENDPOINT_URL is not set)" : options->endpoint;
    options->attempts_max = 1;
    options->timeout_seconds = 5;
    wire::Client client(*options);
    auto identity = client.call<model::sts::GetCallerIdentity>({});
    if (identity) {
        report.add(Finding::good, endpoint + " knows you as " + std::string(model::text(identity->arn)));
        if (!options->endpoint.empty()) check_scrub(report, client);
        return;
    }
    // The refusal itself says best what to do: another region, another scheme.
    std::string remedy;
    for (const auto& note : identity.error().notes)
        if (!note.starts_with("request id: ")) remedy += (remedy.empty() ? "" : "; ") + note;
    if (remedy.empty()) remedy = "if the credentials are wrong, expired or of another server, run: eval \"$(trainwarden env)\"";
    report.add(Finding::bad, endpoint + ": " + identity.error().message, remedy);
}

void check_data(Report& report, const std::string& data) {
    struct stat status{};
    if (::stat(data.c_str(), &status) != 0) {
        report.add(Finding::missing_option, "no data folder at " + data,
                   "`trainwarden serve` makes one; to check another folder, use --data");
    } else if ((status.st_mode & 077) != 0) {
        report.add(Finding::bad, "the data folder " + data + " is open to others", "run: chmod 700 " + data);
    } else {
        report.add(Finding::good, "the data folder " + data + " is yours alone");
    }
}

// What the server gave up at its start, as the kernel says it.
void check_hardening(Report& report, const std::string& data) {
    const auto server = running_server(data);
    if (!server) return;
    const std::string who = "the server (process " + std::to_string(server->process) + ")";
    if (server->may_be_dumped)
        report.add(Finding::missing_option, who + " lets core dumps and debuggers read its memory, keys included",
                   "start it without --allow-core-dumps");
    if (server->all_capabilities)
        report.add(Finding::missing_option, who + " kept capabilities that it does not need", "its log says why (`hardened:`)");
    if (!server->may_be_dumped && !server->all_capabilities)
        report.add(Finding::good, who + " can neither be dumped nor traced, and has no more capabilities than it needs" +
                                      (server->new_privileges ? "" : "; no program gives it new privileges"));
}

// Where it answers whatever happens at its port.
void check_socket(Report& report, const std::string& data) {
    const std::string path = data + "/socket";
    if (::access(path.c_str(), F_OK) != 0) return;
    http::Client client;
    const auto answer = client.send({.url = "http://localhost/healthz", .timeout_seconds = 5, .socket = path});
    if (answer && answer->status == 200)
        report.add(Finding::good, "the server of " + data + " answers on its socket: trainwarden --data " + data + " COMMAND");
    else
        report.add(Finding::bad, "nothing answers on " + path, "start the server again: trainwarden serve --data " + data);
}

void check_programs(Report& report) {
    struct Wanted {
        const char* program;
        const char* what_for;
        const char* remedy;
    };
    constexpr Wanted wanted[] = {
        {"python3", "Pulumi programs in Python, training workers", "apt install python3"},
        {"node", "Pulumi programs in TypeScript", "apt install nodejs npm"},
        {"aws", "the AWS command line (any other AWS tool works too)", "apt install awscli"},
    };
    for (const Wanted& each : wanted) {
        if (in_path(each.program))
            report.add(Finding::good, std::string(each.program) + " for " + each.what_for);
        else
            report.add(Finding::missing_option, std::string("no ") + each.program + " for " + each.what_for, each.remedy);
    }
}

// A number of the kernel's settings; `otherwise` where this kernel has no such setting.
long setting(const char* path, long otherwise) {
    std::ifstream file(path);
    long value = otherwise;
    file >> value;
    return file ? value : otherwise;
}

// What training sandboxes stand on; the server itself tries a whole one at its start and says why it fails.
void check_sandbox(Report& report) {
    struct Wanted {
        const char* path;
        const char* package;
    };
    bool whole = true;
    for (const Wanted& each : {Wanted{"/usr/bin/bwrap", "bubblewrap"}, Wanted{"/sbin/ip", "iproute2"}}) {
        if (::access(each.path, X_OK) == 0) continue;
        whole = false;
        report.add(Finding::missing_option, std::string("no ") + each.path + " for the sandboxes of training jobs",
                   std::string("apt install ") + each.package);
    }
    const bool permitted = setting("/proc/sys/user/max_user_namespaces", 1) > 0 &&
                           setting("/proc/sys/kernel/unprivileged_userns_clone", 1) != 0 &&
                           (::geteuid() == 0 || setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 0);
    if (!permitted) {
        report.add(Finding::missing_option,
                   "this kernel is set to permit no user namespaces: there are no sandboxes for training jobs",
                   "allow them (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
                   "kernel.apparmor_restrict_unprivileged_userns), or serve with --training-isolation=process");
    } else if (whole) {
        report.add(Finding::good, "bubblewrap, iproute2 and user namespaces for the sandboxes of training jobs");
    }
}

}  // namespace

void add_doctor(Command& root) {
    auto report = std::make_shared<Report>();
    Command command = root.subcommand("doctor", "Check this machine, the server and your credentials");
    command.flag("--json", report->json, "print JSON");
    auto data = std::make_shared<std::string>(default_data_folder());
    command.option("--data", "DIR", *data, "the server's data folder");
    command.action([report, data]() -> base::Result<int> {
        check_server(*report);
        check_data(*report, *data);
        check_socket(*report, *data);
        check_hardening(*report, *data);
        check_programs(*report);
        check_sandbox(*report);
        if (report->json) print_pretty_json(report->checks);
        return report->bad ? 1 : 0;
    });
}

}  // namespace cli
