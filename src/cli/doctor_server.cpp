// The server that the shell points to: does it answer, does its certificate hold, do the clocks agree, are the credentials good.
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/strings.hpp"
#include "cli/data_paths.hpp"
#include "cli/doctor_report.hpp"
#include "cli/running_server.hpp"
#include "cli/version.hpp"
#include "http/client.hpp"
#include "model/sts/operations.hpp"
#include "model/trainwarden/operations.hpp"
#include "os/file.hpp"
#include "text/time.hpp"
#include "wire/client.hpp"
#include "wire/profile.hpp"

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

// False: they differ so much that signatures are refused.
bool check_clocks(DoctorReport& report, const http::ClientResponse& answer) {
    const auto date = text::parse_http_date(answer.headers.get("Date"));
    if (!date) {
        report.add(Finding::warning, "the server does not say what time it has", "is there a proxy in front of it?");
        return true;
    }
    const int64_t skew = std::chrono::duration_cast<std::chrono::seconds>(date->time_since_epoch()).count() - unix_now();
    const std::string said = std::to_string(skew < 0 ? -skew : skew) + " seconds " + (skew < 0 ? "behind" : "ahead of");
    const Finding finding = judge_skew(skew);
    if (finding == Finding::ok) {
        report.add(finding, "the clocks of this machine and the server agree");
        return true;
    }
    report.add(finding, "the server's clock is " + said + " this machine's",
               finding == Finding::problem
                   ? "signatures are refused beyond 15 minutes: synchronize both clocks (chrony, systemd-timesyncd)"
                   : "synchronize both clocks (chrony, systemd-timesyncd)");
    return finding != Finding::problem;
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

// Whom the credentials belong to is only worth asking of a server, and its answer only worth a remedy if nothing else explains it.
enum class Asked { nothing_there, not_a_server, clocks_differ, server };

// What makes a URL useless before anything is sent. Empty: nothing.
std::string wrong_in_url(const std::string& endpoint) {
    if (endpoint.starts_with("http://") || endpoint.starts_with("https://")) return "";
    return "`" + endpoint + "` is not an http or https URL";
}

// A file that cannot be read is reported by TLS libraries in words that do not name it.
bool check_authorities(DoctorReport& report, const std::string& endpoint) {
    const char* bundle = std::getenv("AWS_CA_BUNDLE");
    if (!endpoint.starts_with("https://") || bundle == nullptr || *bundle == '\0') return true;
    std::ifstream file(bundle);
    if (file.peek() != std::ifstream::traits_type::eof()) return true;
    const std::string why = ::access(bundle, F_OK) != 0   ? "it is not there, or in a folder that you may not look into"
                            : ::access(bundle, R_OK) != 0 ? "you may not read it"
                                                          : "it is empty";
    report.add(Finding::problem, "AWS_CA_BUNDLE names " + std::string(bundle) + ": " + why,
               "run: eval \"$(trainwarden env)\"; as another user than the server's, have its owner save what `trainwarden env "
               "--authority` "
               "prints where you can read it, and let AWS_CA_BUNDLE name that file");
    return false;
}

// What a server knows of itself may be of before: a question makes it look, and it answers at once (docs/limits.md, Health).
base::Result<http::ClientResponse> ask_whether_ready(http::Client& client, const http::ClientRequest& request) {
    auto first = client.send(request);
    if (!first || first->status != 200) return first;
    std::this_thread::sleep_for(time_to_look);
    return client.send(request);
}

Asked check_endpoint(DoctorReport& report, const wire::ClientOptions& options) {
    if (const std::string wrong = wrong_in_url(options.endpoint); !wrong.empty()) {
        report.add(
            Finding::problem, wrong,
            "AWS_ENDPOINT_URL begins with http:// or https://; for the server of a data folder: eval \"$(trainwarden env)\"");
        return Asked::nothing_there;
    }
    if (!check_authorities(report, options.endpoint)) return Asked::nothing_there;
    http::Client client;
    const auto answer = ask_whether_ready(client, {.url = options.endpoint + "/readyz", .timeout_seconds = answer_seconds_max});
    const bool has_tls = options.endpoint.starts_with("https://");
    if (!answer) {
        std::string remedy = has_tls ? remedy_for_tls(answer.error().message) : "";
        if (remedy.empty()) remedy = joined(answer.error().notes);
        if (remedy.empty()) remedy = "is the server running there? run: eval \"$(trainwarden env)\"";
        report.add(Finding::problem, options.endpoint + ": " + answer.error().message, remedy);
        return Asked::nothing_there;
    }
    if (answer->body.find("this port speaks TLS") != std::string::npos) {
        report.add(
            Finding::problem, options.endpoint + ": this port speaks TLS",
            "AWS_ENDPOINT_URL must begin with https:// there; for the server of a data folder: eval \"$(trainwarden env)\"");
        return Asked::nothing_there;
    }
    if (answer->status != 200 && answer->status != 503) {
        report.add(Finding::problem, options.endpoint + " answers /readyz with HTTP status " + std::to_string(answer->status),
                   "it does not seem to be a Trainwarden server, or this port of it serves something else (metrics): see "
                   "AWS_ENDPOINT_URL");
        return Asked::not_a_server;
    }
    if (answer->status == 503)
        report.add(Finding::problem, options.endpoint + " is not ready: " + not_ready, not_ready_remedy);
    else
        report.add(Finding::ok,
                   options.endpoint + " answers" + (has_tls ? ", and its certificate is one that this shell trusts" : ""));
    if (!has_tls && !is_this_machine(options.endpoint))
        report.add(Finding::warning, options.endpoint + " speaks plain HTTP: what is sent can be read and changed on its way",
                   "start the server with --tls-certificate and --tls-key, or with --tls self");
    return check_clocks(report, *answer) ? Asked::server : Asked::clocks_differ;
}

void check_credentials(DoctorReport& report, wire::ClientOptions options, const std::string& whom, Asked asked) {
    options.attempts_max = 1;
    options.timeout_seconds = answer_seconds_max;
    wire::Client client(options);
    if (auto identity = client.call<model::sts::GetCallerIdentity>({}); identity) {
        report.add(Finding::ok, whom + " knows you as " + std::string(model::text(identity->arn)));
        if (!options.endpoint.empty()) check_scrub(report, client);
    } else {
        if (asked == Asked::not_a_server) return;  // said already
        // The refusal itself says best what to do: another region, another scheme.
        std::string remedy = joined(identity.error().notes);
        if (asked == Asked::clocks_differ)
            remedy = "first synchronize the clocks; if it is refused then, too: eval \"$(trainwarden env)\"";
        else if (remedy.empty())
            remedy = "if the credentials are wrong, expired or of another server, run: eval \"$(trainwarden env)\"";
        return report.add(Finding::problem, whom + ": " + identity.error().message, remedy);
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

// As the root, whom the folder's own file names.
void check_over_socket(DoctorReport& report, const std::string& data) {
    if (auto reached = act_as_operator(data); !reached)
        return report.add(Finding::problem, reached.error().message, joined(reached.error().notes));
    const auto options = wire::options_from_environment();
    if (!options)
        return report.add(Finding::problem, "no credentials: " + options.error().message,
                          "the root's are in " + data + "/root-credentials");
    check_credentials(report, *options, "the server of " + data, Asked::server);
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

std::string remedy_for_tls(std::string_view said) {
    const auto has = [&](std::string_view words) { return said.find(words) != std::string_view::npos; };
    if (has("expired") || has("not yet valid"))
        return "this machine's clock says " + text::iso8601_millis(base::Time(std::chrono::seconds(unix_now()))) +
               ": if that is right, the certificate must be renewed (a server with --tls self does so at its start)";
    // A server that requires a certificate of its clients closes the connection; TLS 1.3 does it after the handshake.
    if (has("certificate required") || has("errno 107") || has("Connection reset") || has("handshake failure") ||
        has("bad certificate"))
        return "perhaps the server wants a client certificate (serve --tls-clients required), which `trainwarden` cannot show: "
               "on the "
               "server's machine its socket needs none, trainwarden --data DIR COMMAND";
    return "";
}

void check_server(DoctorReport& report, const DoctorFolder& folder) {
    const auto options = wire::options_from_environment();
    const bool has_server = ::access((folder.path + "/endpoint").c_str(), F_OK) == 0;
    if (!options && wire::place_from_environment().endpoint.empty() && has_server) {
        report.add(Finding::warning,
                   "this shell points to no server: AWS tools in it go to AWS itself. The server of " + folder.path +
                       " was asked over its socket instead",
                   "for other programs of this shell: eval \"$(trainwarden env --data " + folder.path + ")\"");
        return check_over_socket(report, folder.path);
    }
    if (!options)
        return report.add(Finding::problem, "no credentials: " + options.error().message, "run: eval \"$(trainwarden env)\"");
    if (options->endpoint.empty()) {
        report.add(Finding::warning, "AWS_ENDPOINT_URL is not set: commands go to AWS itself",
                   "run: eval \"$(trainwarden env)\"");
        return check_credentials(report, *options, "AWS", Asked::server);
    }
    wire::ClientOptions by_port = *options;
    by_port.socket.clear();
    if (!options->socket.empty())
        report.add(
            Finding::warning,
            "TRAINWARDEN_SOCKET is set: commands of `trainwarden` go to " + options->socket + ", not to " + options->endpoint,
            "unset TRAINWARDEN_SOCKET");
    if (const Asked asked = check_endpoint(report, by_port); asked != Asked::nothing_there)
        check_credentials(report, by_port, options->endpoint, asked);
    if (!folder.is_named || !has_server) return;
    const std::string endpoint(base::trim(os::read_file(folder.path + "/endpoint").value_or("")));
    if (!endpoint.empty() && endpoint != options->endpoint)
        report.add(Finding::warning,
                   "this shell points to " + options->endpoint + ", the server of " + folder.path + " is at " + endpoint,
                   "run: eval \"$(trainwarden env --data " + folder.path + ")\"");
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
