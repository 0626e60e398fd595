// `eval "$(trainwarden env)"`: makes the AWS tools of this shell talk to the server of a data folder, as its root.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/data_paths.hpp"
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
    bool json = false;
};

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

// Of the server, without anybody's keys.
base::Result<Variables> variables_of(const Options& options) {
    const std::string endpoint =
        TRY(read_file(options.data + "/endpoint",
                      "no server is running on `" + options.data + "`; start one: trainwarden serve --data " + options.data));
    const std::string region = TRY(region_of(options));
    Variables out = {
        {"AWS_ENDPOINT_URL", std::string(base::trim(endpoint))}, {"AWS_REGION", region}, {"AWS_DEFAULT_REGION", region}};
    // Of a server that made its own certificate: Python's and the command line's variable, and Node's.
    if (std::filesystem::exists(options.data + "/authority")) {
        const std::string authority(base::trim(TRY(read_file(options.data + "/authority", "restart the server"))));
        for (const char* name : {"AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"}) out.emplace_back(name, authority);
    }
    return out;
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

base::Result<int> env(const Options& options) {
    Variables variables = TRY(root_keys_of(options));
    std::ranges::copy(TRY(variables_of(options)), std::back_inserter(variables));
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
        print_exact("unset AWS_SESSION_TOKEN AWS_PROFILE\n" + std::string(aws_function) + "\n");
    return 0;
}

}  // namespace

base::Result<void> act_as_operator(const std::string& data) {
    const Options options{.data = data, .region = {}};
    const auto set = [](const Variables& variables) {
        for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
    };
    set(TRY(variables_of(options)));
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
    command.option("--data", "DIR", options->data, "the server's data folder");
    command.option("--region", "REGION", options->region, "the region to ask for; by default the server's first");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return env(*options); });
}

}  // namespace cli
