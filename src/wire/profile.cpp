// Where a client's endpoint, region and credentials come from: the environment, then the AWS configuration files.
//
// Source: "Configuration and credential file settings" (AWS CLI User Guide). Both files are INI; the credentials file calls a
// profile
// `[name]`, the config file `[profile name]` and `[default]`. Indented lines (nested settings such as `s3 =`) are not ours.
#include "wire/profile.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "wire/client.hpp"

namespace wire {

using base::fail;
using base::Result;

ProfileSettings parse_profile(std::string_view text, std::string_view section) {
    ProfileSettings out;
    bool inside = false;
    for (const auto line : base::split(text, '\n')) {
        const auto trimmed = base::trim(line);
        if (trimmed.empty() || trimmed.starts_with('#') || trimmed.starts_with(';')) continue;
        if (trimmed.starts_with('[')) {
            inside = base::trim(trimmed.substr(1, trimmed.find(']') - 1)) == section;
            continue;
        }
        if (!inside || line.starts_with(' ') || line.starts_with('\t')) continue;
        const auto equals = trimmed.find('=');
        if (equals == std::string_view::npos) continue;
        auto value = base::trim(trimmed.substr(equals + 1));
        if (const auto comment = value.find(" #"); comment != std::string_view::npos)
            value = base::trim(value.substr(0, comment));
        out[base::lower(base::trim(trimmed.substr(0, equals)))] = value;
    }
    return out;
}

namespace {

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
}

std::string first_of(std::initializer_list<std::string> values) {
    for (const auto& value : values)
        if (!value.empty()) return value;
    return "";
}

}  // namespace

namespace {

struct Profile {
    std::string name;
    ProfileSettings credentials, config;
};

Profile chosen_profile() {
    const auto home = from_environment("HOME");
    const auto name = first_of({from_environment("AWS_PROFILE"), from_environment("AWS_DEFAULT_PROFILE"), "default"});
    return {
        name,
        parse_profile(read_file(first_of({from_environment("AWS_SHARED_CREDENTIALS_FILE"), home + "/.aws/credentials"})), name),
        parse_profile(read_file(first_of({from_environment("AWS_CONFIG_FILE"), home + "/.aws/config"})),
                      name == "default" ? "default" : "profile " + name)};
}

Place place_of(Profile& profile) {
    auto& [name, credentials, config] = profile;
    return {first_of({from_environment("AWS_ENDPOINT_URL"), config["endpoint_url"], credentials["endpoint_url"]}),
            first_of({from_environment("AWS_REGION"), from_environment("AWS_DEFAULT_REGION"), config["region"],
                      credentials["region"]}),
            from_environment("TRAINWARDEN_SOCKET")};
}

}  // namespace

Place place_from_environment() {
    Profile profile = chosen_profile();
    return place_of(profile);
}

Result<ClientOptions> options_from_environment() {
    Profile chosen = chosen_profile();
    const Place place = place_of(chosen);
    auto& [profile, credentials, config] = chosen;
    ClientOptions out;
    out.endpoint = place.endpoint;
    out.socket = place.socket;
    if (!place.region.empty()) out.region = place.region;
    // The three belong together: a token of one place with the key of another is not a credential.
    const auto take = [&](const std::string& id, const std::string& secret, const std::string& token) {
        if (!out.access_key_id.empty() || id.empty() || secret.empty()) return;
        out.access_key_id = id;
        out.secret_access_key = secret;
        out.session_token = token;
    };
    take(from_environment("AWS_ACCESS_KEY_ID"), from_environment("AWS_SECRET_ACCESS_KEY"), from_environment("AWS_SESSION_TOKEN"));
    take(credentials["aws_access_key_id"], credentials["aws_secret_access_key"], credentials["aws_session_token"]);
    take(config["aws_access_key_id"], config["aws_secret_access_key"], config["aws_session_token"]);
    if (out.access_key_id.empty())
        return fail(base::Error(base::code::NoCredentials,
                                "there are no credentials in the environment, nor in the profile `" + profile + "` of ~/.aws")
                        .note("for a Trainwarden server: eval \"$(trainwarden env --data DIR)\"")
                        .note("else set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"));
    return out;
}

}  // namespace wire
