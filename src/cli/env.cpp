// `eval "$(trainwarden env)"`: makes the AWS tools of this shell talk to the server of a data folder, as its root.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/places.hpp"
#include "text/json.hpp"

namespace cli {
namespace {

// AWS CLI versions before 2.13 and 1.29 do not read AWS_ENDPOINT_URL (Debian 12's is 2.9), and would go to AWS itself.
// The function falls away with the variable.
constexpr std::string_view aws_function =
    R"(aws() { command aws ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} "$@"; })";

struct Options {
    std::string data = default_data_folder();
    std::string region = "us-east-1";
    bool json = false;
};

base::Result<std::string> read_file(const std::string& path, const std::string& remedy) {
    std::ifstream file(path);
    std::ostringstream content;
    content << file.rdbuf();
    if (!file) return base::fail(base::Error("NoServer", "cannot read `" + path + "`").note(remedy));
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

base::Result<int> env(const Options& options) {
    const std::string start = "start one: trainwarden serve --data " + options.data;
    const std::string credentials =
        TRY(read_file(options.data + "/root-credentials", "there is no server's data in `" + options.data + "`; " + start));
    const std::string endpoint =
        TRY(read_file(options.data + "/endpoint", "no server is running on `" + options.data + "`; " + start));
    const std::vector<std::pair<std::string, std::string>> variables = {
        {"AWS_ACCESS_KEY_ID", value_of(credentials, "aws_access_key_id")},
        {"AWS_SECRET_ACCESS_KEY", value_of(credentials, "aws_secret_access_key")},
        {"AWS_ENDPOINT_URL", std::string(base::trim(endpoint))},
        {"AWS_REGION", options.region},
        {"AWS_DEFAULT_REGION", options.region},
    };
    text::Json json = text::Json::object();
    for (const auto& [name, value] : variables) {
        if (value.empty()) return base::fail("NoServer", "`" + options.data + "/root-credentials` holds no " + name);
        if (options.json)
            json.set(name, value);
        else
            std::printf("export %s=%s\n", name.c_str(), quoted(value).c_str());
    }
    if (options.json)
        std::puts(json.pretty().c_str());
    else
        std::printf("unset AWS_SESSION_TOKEN AWS_PROFILE\n%s\n", aws_function.data());
    return 0;
}

}  // namespace

void add_env(Command& root) {
    auto options = std::make_shared<Options>();
    Command command = root.subcommand("env", "Print what makes AWS tools use the server: eval \"$(trainwarden env)\"");
    command.option("--data", "DIR", options->data, "the server's data folder");
    command.option("--region", "REGION", options->region, "the region to ask for");
    command.flag("--json", options->json, "print JSON");
    command.action([options] { return env(*options); });
}

}  // namespace cli
