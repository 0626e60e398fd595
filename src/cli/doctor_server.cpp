// The server that the shell points to: does it answer, does its certificate hold, do the clocks agree, are the credentials good.
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/strings.hpp"
#include "cli/doctor_report.hpp"
#include "cli/running_server.hpp"
#include "cli/version.hpp"
#include "http/client.hpp"
#include "model/sts/operations.hpp"
#include "model/trainwarden/operations.hpp"
#include "text/time.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

constexpr int answer_seconds_max = 5;
constexpr int64_t skew_to_warn = 5, skew_refused = 15 * 60;  // seconds; AWS refuses signatures that are 15 minutes off
constexpr int64_t expiry_to_warn = 10 * 60;
constexpr std::chrono::milliseconds time_to_look{300};
constexpr const char* not_ready = "it says so itself (/readyz), and either ends or cannot store and record";
constexpr const char* not_ready_remedy = "its log says why: the audit log is full, or its disk fails";
constexpr std::string_view build_info = "trainwarden_build_info{version=\"";

int64_t unix_now() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string joined(const std::vector<std::string>& notes) {
    std::string out;
    for (const auto& note : notes)
        if (!note.starts_with("request id: ")) out += (out.empty() ? "" : "; ") + note;
    return out;
}

bool is_this_machine(std::string_view endpoint) {
    const size_t scheme = endpoint.find("://");
    const std::string_view host = scheme == std::string_view::npos ? endpoint : endpoint.substr(scheme + 3);
    return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

void check_clocks(DoctorReport& report, const http::ClientResponse& answer) {
    const auto date = text::parse_http_date(answer.headers.get("Date"));
    if (!date)
        return report.add(Finding::warning, "the server does not say what time it has", "is there a proxy in front of it?");
    const int64_t skew = std::chrono::duration_cast<std::chrono::seconds>(date->time_since_epoch()).count() - unix_now();
    const std::string said = std::to_string(skew < 0 ? -skew : skew) + " seconds " + (skew < 0 ? "behind" : "ahead of");
    const Finding finding = judge_skew(skew);
    if (finding == Finding::ok) return report.add(finding, "the clocks of this machine and the server agree");
    report.add(finding, "the server's clock is " + said + " this machine's",
               finding == Finding::problem
                   ? "signatures are refused beyond 15 minutes: synchronize both clocks (chrony, systemd-timesyncd)"
                   : "synchronize both clocks (chrony, systemd-timesyncd)");
}

// What the server found when it last read all that it has stored. Who may not ask is told nothing: the credentials are right all the same.
void check_scrub(DoctorReport& report, wire::Client& client) {
    const auto scrub = client.call<model::trainwarden::DescribeScrub>({});
    if (!scrub) return;
    if (scrub->damaged > 0) {
        std::string first;
        if (!scrub->places.empty()) first = ", among them " + scrub->places.front();
        report.add(Finding::problem, "of what the server has stored, " + std::to_string(scrub->damaged) + " damaged" + first,
                   "trainwarden admin check names all; restore a backup, or upload those objects again");
    } else if (scrub->bytes_per_second == 0) {
        report.add(Finding::warning, "the server does not read again what it has stored",
                   "serve without --limit scrub-bytes-per-second=0");
    } else if (scrub->ended) {
        report.add(Finding::ok, "all that the server has stored was read and compared, last at " + *scrub->ended);
    }
}

// What a server knows of itself may be of before: a question makes it look, and it answers at once (docs/limits.md, Health).
base::Result<http::ClientResponse> ask_whether_ready(http::Client& client, const http::ClientRequest& request) {
    auto first = client.send(request);
    if (!first || first->status != 200) return first;
    std::this_thread::sleep_for(time_to_look);
    return client.send(request);
}

// True: something answers there.
bool check_endpoint(DoctorReport& report, const wire::ClientOptions& options) {
    if (options.endpoint.empty()) {
        report.add(Finding::warning, "AWS_ENDPOINT_URL is not set: commands go to AWS itself",
                   "run: eval \"$(trainwarden env)\"");
        return true;
    }
    http::Client client;
    http::ClientRequest request{.url = options.endpoint + "/readyz", .timeout_seconds = answer_seconds_max};
    request.socket = options.socket;
    const auto answer = ask_whether_ready(client, request);
    if (!answer) {
        const std::string notes = joined(answer.error().notes);
        report.add(Finding::problem, options.endpoint + ": " + answer.error().message,
                   notes.empty() ? "is the server running there? run: eval \"$(trainwarden env)\"" : notes);
        return false;
    }
    const bool has_tls = options.endpoint.starts_with("https://");
    if (answer->status == 503)
        report.add(Finding::problem, options.endpoint + " is not ready: " + not_ready, not_ready_remedy);
    else if (answer->status != 200)
        report.add(Finding::problem, options.endpoint + " answers /readyz with HTTP status " + std::to_string(answer->status),
                   "it does not seem to be a Trainwarden server: see AWS_ENDPOINT_URL");
    else
        report.add(Finding::ok,
                   options.endpoint + " answers" + (has_tls ? ", and its certificate is one that this shell trusts" : ""));
    if (!has_tls && !is_this_machine(options.endpoint) && options.socket.empty())
        report.add(Finding::warning, options.endpoint + " speaks plain HTTP: what is sent can be read and changed on its way",
                   "start the server with --tls-certificate and --tls-key, or with --tls self");
    check_clocks(report, *answer);
    return true;
}

void check_credentials(DoctorReport& report, wire::ClientOptions options) {
    const std::string endpoint = options.endpoint.empty() ? "AWS" : options.endpoint;
    options.attempts_max = 1;
    options.timeout_seconds = answer_seconds_max;
    wire::Client client(options);
    if (auto identity = client.call<model::sts::GetCallerIdentity>({}); identity) {
        report.add(Finding::ok, endpoint + " knows you as " + std::string(model::text(identity->arn)));
        if (!options.endpoint.empty()) check_scrub(report, client);
    } else {
        // The refusal itself says best what to do: another region, another scheme.
        std::string remedy = joined(identity.error().notes);
        if (remedy.empty())
            remedy = "if the credentials are wrong, expired or of another server, run: eval \"$(trainwarden env)\"";
        return report.add(Finding::problem, endpoint + ": " + identity.error().message, remedy);
    }
    // Only who handed the credentials out knows when they end; some say so.
    const char* expiration = std::getenv("AWS_CREDENTIAL_EXPIRATION");
    const auto ends = text::parse_iso8601(expiration != nullptr ? expiration : "");
    if (!ends) return;
    const int64_t left = std::chrono::duration_cast<std::chrono::seconds>(ends->time_since_epoch()).count() - unix_now();
    if (left < expiry_to_warn)
        report.add(Finding::warning, "the credentials of this shell end in " + std::to_string(left) + " seconds",
                   "get new ones before that");
}

// What the server gave up at its start, as the kernel says it.
void check_hardening(DoctorReport& report, const std::string& data) {
    const auto server = running_server(data);
    if (!server) return;
    const std::string who = "the server (process " + std::to_string(server->process) + ")";
    if (server->may_be_dumped)
        report.add(Finding::warning, who + " lets core dumps and debuggers read its memory, keys included",
                   "start it without --allow-core-dumps");
    if (server->all_capabilities)
        report.add(Finding::warning, who + " kept capabilities that it does not need", "its log says why (`hardened:`)");
    if (!server->may_be_dumped && !server->all_capabilities)
        report.add(Finding::ok, who + " can neither be dumped nor traced, and has no more capabilities than it needs" +
                                    (server->new_privileges ? "" : "; no program gives it new privileges"));
}

void check_version(DoctorReport& report, const std::string& metrics) {
    const size_t at = metrics.find(build_info);
    if (at == std::string::npos) return;
    const size_t begin = at + build_info.size();
    const std::string running = metrics.substr(begin, metrics.find('"', begin) - begin);
    if (running == version())
        report.add(Finding::ok, "the server runs version " + running + ", as this program");
    else
        report.add(Finding::warning, "the server runs version " + running + ", this program is " + std::string(version()),
                   "start the server again, or use the program of its version");
}

// Where it answers whatever happens at its port.
void check_socket(DoctorReport& report, const std::string& data) {
    const std::string path = data + "/socket";
    if (::access(path.c_str(), F_OK) != 0) return;
    http::Client client;
    const auto health = client.send({.url = "http://localhost/healthz", .timeout_seconds = answer_seconds_max, .socket = path});
    if (!health || health->status != 200)
        return report.add(Finding::problem, "nothing answers on " + path,
                          "start the server again: trainwarden serve --data " + data);
    const auto ready =
        ask_whether_ready(client, {.url = "http://localhost/readyz", .timeout_seconds = answer_seconds_max, .socket = path});
    if (ready && ready->status == 503)
        report.add(Finding::problem, "the server of " + data + " is not ready: " + not_ready, not_ready_remedy);
    else
        report.add(Finding::ok, "the server of " + data + " answers on its socket: trainwarden --data " + data + " COMMAND");
    const auto metrics = client.send({.url = "http://localhost/metrics", .timeout_seconds = answer_seconds_max, .socket = path});
    if (metrics && metrics->status == 200) check_version(report, metrics->body);
}

}  // namespace

Finding judge_skew(int64_t seconds) {
    const int64_t skew = seconds < 0 ? -seconds : seconds;
    return skew >= skew_refused ? Finding::problem : skew > skew_to_warn ? Finding::warning : Finding::ok;
}

void check_server(DoctorReport& report) {
    const auto options = wire::options_from_environment();
    if (!options) {
        report.add(Finding::problem, "no credentials: " + options.error().message, "run: eval \"$(trainwarden env)\"");
        return;
    }
    if (check_endpoint(report, *options)) check_credentials(report, *options);
}

void check_data_folder(DoctorReport& report, const std::string& data) {
    struct stat status{};
    if (::stat(data.c_str(), &status) != 0) {
        report.add(Finding::warning, "no data folder at " + data,
                   "`trainwarden serve` makes one; to check another folder, use --data");
    } else if ((status.st_mode & 077) != 0) {
        report.add(Finding::problem, "the data folder " + data + " is open to others", "run: chmod 700 " + data);
    } else {
        report.add(Finding::ok, "the data folder " + data + " is yours alone");
    }
    check_socket(report, data);
    check_hardening(report, data);
}

}  // namespace cli
