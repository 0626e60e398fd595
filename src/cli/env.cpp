// `eval "$(trainwarden env)"`: makes the AWS tools of this shell talk to the server of a data folder, as its root.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/data_paths.hpp"
#include "cli/running_server.hpp"
#include "cli/terminal.hpp"
#include "text/json.hpp"

namespace cli {
namespace {

// AWS CLI versions before 2.13 and 1.29 do not read AWS_ENDPOINT_URL (Debian 12's is 2.9), and would go to AWS itself.
// The function falls away with the variable.
constexpr std::string_view aws_function =
    R"(aws() { command aws ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} "$@"; })";

struct Options {
    std::string data = default_data_folder();
    std::string region;  // empty: the server's default
    int64_t wait = 0;    // seconds
    bool json = false, only_authority = false;
};

constexpr int64_t start_seconds_max = 30;  // that a server which has the folder's lock may take until it answers
constexpr int64_t wait_seconds_max = 3600;
constexpr std::chrono::milliseconds between_looks{50};

// Python's and the command line's variable, and Node's.
constexpr std::array authority_variables = {"AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"};
// What `env` has put into them: of a server with another certificate they are to be taken back, and the user's own are not.
constexpr const char* authority_mark = "TRAINWARDEN_AUTHORITY";

base::Result<std::string> read_file(const std::string& path, const std::string& remedy) {
    std::ifstream file(path);
    std::ostringstream content;
    content << file.rdbuf();
    if (!file) return base::fail(base::Error(base::code::NoServer, "cannot read `" + path + "`").note(remedy));
    return content.str();
}

// The value of `name = value` in an AWS credentials file.
std::string value_of(const std::string& file, std::string_view name) {
    for (std::string_view line : base::split(file, '\n')) {
        const size_t equals = line.find('=');
        if (equals != std::string_view::npos && base::trim(line.substr(0, equals)) == name)
            return std::string(base::trim(line.substr(equals + 1)));
    }
    return "";
}

std::string quoted(const std::string& value) {
    std::string out = "'";
    for (char c : value) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

// The one to ask for: what the user says, if the server serves it, else the server's default.
base::Result<std::string> region_of(const Options& options) {
    std::vector<std::string> served;
    const std::string file =
        TRY(read_file(options.data + "/regions", "restart the server: trainwarden serve --data " + options.data));
    for (const auto line : base::split(file, '\n'))
        if (!base::trim(line).empty()) served.emplace_back(base::trim(line));
    if (served.empty()) return base::fail(base::code::NoServer, "`" + options.data + "/regions` names no region");
    if (options.region.empty()) return served.front();
    if (std::ranges::find(served, options.region) != served.end()) return options.region;
    return base::fail(
        base::Error(base::code::InvalidRegion, "the server does not serve the region " + options.region)
            .note("it serves " + base::join(served, ", ") + "; `trainwarden serve --region " + options.region + "` adds one"));
}

using Variables = std::vector<std::pair<std::string, std::string>>;

// The file of a server that made its own certificate; empty: it did not.
base::Result<std::string> authority_of(const std::string& data) {
    const std::string file = data + "/authority";
    if (!std::filesystem::exists(file)) return std::string();
    return std::string(base::trim(TRY(read_file(file, "restart the server"))));
}

// Of the server, without anybody's keys.
base::Result<Variables> variables_of(const Options& options) {
    const std::string endpoint =
        TRY(read_file(options.data + "/endpoint",
                      "no server is running on `" + options.data + "`; start one: trainwarden serve --data " + options.data));
    const std::string region = TRY(region_of(options));
    Variables out = {
        {"AWS_ENDPOINT_URL", std::string(base::trim(endpoint))}, {"AWS_REGION", region}, {"AWS_DEFAULT_REGION", region}};
    if (const std::string authority = TRY(authority_of(options.data)); !authority.empty()) {
        for (const char* name : authority_variables) out.emplace_back(name, authority);
        out.emplace_back(authority_mark, authority);
    }
    return out;
}

// What this shell has from an earlier `env` and this server does not set.
std::vector<std::string> left_over(const Variables& variables) {
    std::vector<std::string> out;
    const char* mark = std::getenv(authority_mark);
    const bool replaced = std::ranges::any_of(variables, [](const auto& one) { return one.first == authority_mark; });
    if (mark == nullptr || replaced) return out;
    for (const char* name : authority_variables)
        if (const char* value = std::getenv(name); value != nullptr && std::string_view(value) == mark) out.emplace_back(name);
    out.emplace_back(authority_mark);
    return out;
}

// A server that was started a moment ago has not made its folder yet, or does not answer yet.
void wait_for_server(const Options& options) {
    const auto begin = std::chrono::steady_clock::now();
    const auto is_past = [&](int64_t seconds) {
        return std::chrono::steady_clock::now() - begin >= std::chrono::seconds(seconds);
    };
    while (!std::filesystem::exists(options.data + "/endpoint")) {
        const bool starts = running_server(options.data).has_value();
        if (is_past(std::max(options.wait, starts ? start_seconds_max : 0))) return;
        std::this_thread::sleep_for(between_looks);
    }
}

base::Result<Variables> root_keys_of(const Options& options) {
    const std::string file = options.data + "/root-credentials";
    const std::string credentials = TRY(read_file(
        file, "there is no server's data in `" + options.data + "`; start one: trainwarden serve --data " + options.data));
    Variables out = {{"AWS_ACCESS_KEY_ID", value_of(credentials, "aws_access_key_id")},
                     {"AWS_SECRET_ACCESS_KEY", value_of(credentials, "aws_secret_access_key")}};
    for (const auto& [name, value] : out)
        if (value.empty()) return base::fail(base::code::NoServer, "`" + file + "` holds no " + name);
    return out;
}

base::Result<int> print_authority(const Options& options) {
    const std::string file = TRY(authority_of(options.data));
    if (file.empty())
        return base::fail(
            base::Error(base::code::NoServer, "no server that runs on `" + options.data + "` made its own certificate")
                .note("`--authority` is for serve --tls self; who vouches for another certificate, its owner knows"));
    print_exact(TRY(read_file(file, "restart the server")));
    return 0;
}

base::Result<int> env(const Options& options) {
    if (options.wait < 0 || options.wait > wait_seconds_max)
        return base::fail(base::code::Usage, "--wait takes 0 to " + std::to_string(wait_seconds_max) + " seconds");
    wait_for_server(options);
    if (options.only_authority) return print_authority(options);
    Variables variables = TRY(root_keys_of(options));
    std::ranges::copy(TRY(variables_of(options)), std::back_inserter(variables));
    std::vector<std::string> unset = {"AWS_SESSION_TOKEN", "AWS_PROFILE"};
    std::ranges::copy(left_over(variables), std::back_inserter(unset));
    text::Json json = text::Json::object();
    for (const auto& [name, value] : variables) {
        if (options.json)
            json.set(name, value);
        else
            print_exact("export " + name + "=" + quoted(value) + "\n");
    }
    if (options.json)
        print_pretty_json(json);
    else
        print_exact("unset " + base::join(unset, " ") + "\n" + std::string(aws_function) + "\n");
    return 0;
}

}  // namespace

base::Result<void> act_as_operator(const std::string& data) {
    const Options options{.data = data, .region = {}, .wait = 0, .json = false, .only_authority = false};
    const auto set = [](const Variables& variables) {
        for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
    };
    const Variables variables = TRY(variables_of(options));
    for (const std::string& name : left_over(variables)) ::unsetenv(name.c_str());
    set(variables);
    set({{"TRAINWARDEN_SOCKET", std::filesystem::absolute(data + "/socket").string()}});
    if (auto keys = root_keys_of(options)) {
        set(*keys);
        ::unsetenv("AWS_SESSION_TOKEN");
    }
    return {};
}

void add_env(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("env", "Print what makes AWS tools use the server: eval \"$(trainwarden env)\"");
    command.data_folder(options->data, "the server's data folder");
    command.option("--region", "REGION", options->region, "the region to ask for; by default the server's first");
    command.option("--wait", "SECONDS", options->wait, "for a server that is about to start");
    command.flag(
        "--authority", options->only_authority,
        "print only the certificate of the authority of serve --tls self: for other users and machines, which are to trust it");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return env(*options); });
}

}  // namespace cli
