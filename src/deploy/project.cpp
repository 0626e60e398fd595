#include "deploy/project.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "deploy/state.hpp"
#include "os/file.hpp"

namespace deploy {

using provider::Property;

namespace {

bool valid_name(std::string_view name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    return !name.empty() && name.size() <= 100 && std::ranges::all_of(name, allowed);
}

std::string scalar_text(const Yaml& value) {
    return value.is_scalar() ? value.text : to_plain_json(value.to_property(), true).dump();
}

std::string stack_file_name(const std::string& stack) { return "Pulumi." + stack + ".yaml"; }

}  // namespace

base::Result<Project> find_project(const std::filesystem::path& folder) {
    std::error_code error;
    const std::filesystem::path start = std::filesystem::canonical(folder, error);
    if (error) return base::fail(base::code::NoProject, "there is no folder " + folder.string());
    std::filesystem::path at = start;
    while (!std::filesystem::exists(at / "Pulumi.yaml")) {
        if (at == at.root_path()) {
            return base::fail(
                base::Error(base::code::NoProject, "no Pulumi.yaml in " + start.string() + " or above it")
                    .note("a program's folder holds a Pulumi.yaml with its `name` and `runtime`; --cwd names another folder"));
        }
        at = at.parent_path();
    }
    Project project;
    project.root = at;
    project.file = at / "Pulumi.yaml";
    const std::string content = TRY(os::read_file(project.file));
    auto document = parse_yaml(content);
    if (!document) return base::fail(base::code::InvalidProject, project.file.string() + ": " + document.error().message);
    project.document = std::move(*document);
    project.name = project.document["name"].text;
    if (!valid_name(project.name))
        return base::fail(
            base::Error(base::code::InvalidProject, project.file.string() + ": `name` must be letters, digits, `-`, `_`, `.`")
                .note("a Pulumi.yaml begins like this: name: my-project"));
    const Yaml& runtime = project.document["runtime"];
    project.runtime = runtime.is_map() ? runtime["name"].text : runtime.text;
    project.options = runtime["options"];
    if (project.runtime.empty())
        return base::fail(base::Error(base::code::InvalidProject, project.file.string() + ": `runtime` is missing")
                              .note("write the language of the program: runtime: python, nodejs or yaml"));
    const Yaml& main = project.document["main"];
    project.program = main.is_null() ? project.root : (project.root / main.text).lexically_normal();
    if (!main.is_null() && !std::filesystem::exists(project.program, error))
        return base::fail(base::Error(base::code::InvalidProject, project.file.string() + ": `main` names " +
                                                                      project.program.string() + ", which does not exist"));
    if (std::filesystem::is_regular_file(project.program, error)) {
        project.entry = project.program.filename();
        project.program = project.program.parent_path();
    }
    project.backend_url = project.document["backend"]["url"].text;
    return project;
}

std::string full_key(const Project& project, std::string_view key) {
    const size_t colon = key.find(':');
    if (colon == std::string_view::npos) return project.name + ":" + std::string(key);
    const std::string_view rest = key.substr(colon + 1);
    if (rest.starts_with("config:")) return std::string(key.substr(0, colon)) + ":" + std::string(rest.substr(7));
    return std::string(key);
}

base::Result<StackFile> StackFile::load(const Project& project, const std::string& stack) {
    if (!valid_name(stack))
        return base::fail(base::code::InvalidStackName,
                          "a stack's name is at most 100 letters, digits, `-`, `_`, `.`: `" + stack + "`");
    StackFile file;
    file.project_ = &project;
    file.path_ = project.root / stack_file_name(stack);
    if (!std::filesystem::exists(file.path_)) return file;
    const std::string content = TRY(os::read_file(file.path_));
    auto document = parse_yaml(content);
    if (!document) return base::fail(base::code::InvalidConfig, file.path_.string() + ": " + document.error().message);
    file.document_ = std::move(*document);
    file.salt_state_ = file.document_["encryptionsalt"].text;
    if (!file.document_["secretsprovider"].is_null() && file.document_["secretsprovider"].text != "passphrase") {
        return base::fail(base::code::NotSupported, file.path_.string() + ": the secrets provider `" +
                                                        file.document_["secretsprovider"].text +
                                                        "` is not supported; only passphrase is");
    }
    for (std::string_view line : base::split(content, '\n')) file.lines_.emplace_back(line);
    if (!file.lines_.empty() && file.lines_.back().empty()) file.lines_.pop_back();
    return file;
}

namespace {

// Replaces every {"secure": ciphertext} in a structured value; true if there was one.
base::Result<bool> open_nested(Property& value, Secrets* secrets) {
    bool found = false;
    if (value.is(Property::Kind::object) && value.members().size() == 1 && value.contains("secure")) {
        const std::string ciphertext = value["secure"].as_string();
        value = secrets == nullptr ? Property("") : Property(TRY(secrets->decrypt(ciphertext)));
        return true;
    }
    for (auto& [key, member] : value.members()) found |= TRY(open_nested(member, secrets));
    for (Property& item : value.items()) found |= TRY(open_nested(item, secrets));
    return found;
}

}  // namespace

base::Result<Config> StackFile::read_config(Secrets* secrets) const {
    Config config;
    for (const auto& [key, value] : document_["config"].members) {
        ConfigValue entry;
        if (value.is_scalar()) {
            entry.text = value.text;
        } else if (!value.is_null()) {
            Property structured = value.to_property();
            const bool is_plain_secret =
                structured.is(Property::Kind::object) && structured.members().size() == 1 && structured.contains("secure");
            auto opened = open_nested(structured, secrets);
            if (!opened)
                return base::fail(
                    std::move(opened.error()).note("the configuration value is `" + key + "` of " + path_.string()));
            entry.secret = *opened;
            entry.structured = !is_plain_secret;
            entry.text = is_plain_secret ? structured.as_string() : to_plain_json(structured, true).dump();
        }
        config[full_key(*project_, key)] = std::move(entry);
    }
    for (const auto& [key, declared] : project_->document["config"].members) {
        const std::string full = full_key(*project_, key);
        if (config.contains(full)) continue;
        const Yaml* value = declared.find("value");
        if (value == nullptr) value = declared.find("default");
        if (value == nullptr && !declared.is_map()) value = &declared;
        if (value != nullptr && !value->is_null()) {
            config[full] = {scalar_text(*value), declared["secret"].text == "true", !value->is_scalar()};
        } else if (secrets != nullptr && declared.is_map() && declared.find("default") == nullptr) {
            return base::fail(base::Error(base::code::MissingConfig, "the program needs the configuration value `" + key +
                                                                         "`, and the stack does not set it")
                                  .note("set it with: trainwarden config set " + key + " VALUE"));
        }
    }
    return config;
}

base::Result<Config> StackFile::config(Secrets& secrets) const { return read_config(&secrets); }
base::Result<Config> StackFile::config_without_secrets() const { return read_config(nullptr); }

namespace {

size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

bool is_blank_or_comment(std::string_view line) {
    const std::string_view content = base::trim(line);
    return content.empty() || content.starts_with('#');
}

// The end of the block that starts at `first`: the next line that is not indented deeper.
size_t block_end(const std::vector<std::string>& lines, size_t first) {
    const size_t indent = indent_of(lines[first]);
    size_t end = first + 1;
    for (size_t at = end; at < lines.size(); ++at) {
        if (is_blank_or_comment(lines[at])) continue;
        if (indent_of(lines[at]) <= indent) break;
        end = at + 1;
    }
    return end;
}

bool is_key_line(std::string_view line, std::string_view key) {
    const std::string_view content = base::trim(line);
    for (const std::string& form : {std::string(key) + ":", "\"" + std::string(key) + "\":", "'" + std::string(key) + "':"}) {
        if (content.starts_with(form) && (content.size() == form.size() || content[form.size()] == ' ')) return true;
    }
    return false;
}

}  // namespace

// Replaces the block of `key` below `config:` with these lines (none: removes it), or adds them at the end of `config:`.
base::Result<void> StackFile::put_lines(const std::string& key, const std::vector<std::string>& lines) {
    std::vector<std::string> all = lines_;
    const auto config = std::ranges::find_if(all, [](const std::string& line) { return line.starts_with("config:"); });
    if (config == all.end()) {
        if (lines.empty()) return {};
        all.emplace_back("config:");
        all.insert(all.end(), lines.begin(), lines.end());
        return save(all);
    }
    const auto start = static_cast<size_t>(config - all.begin());
    if (base::trim(std::string_view(*config).substr(7)).starts_with("{")) {
        if (base::trim(std::string_view(*config).substr(7)) != "{}")
            return base::fail(base::code::NotSupported,
                              path_.string() + ": `config` in braces cannot be edited; write it as a block");
        *config = "config:";
    }
    const size_t end = block_end(all, start);
    for (size_t at = start + 1; at < end; ++at) {
        std::string_view content = base::trim(all[at]);
        if (is_blank_or_comment(content)) continue;
        const bool same = document_["config"].find(key) != nullptr && is_key_line(content, key);
        if (same) {
            const size_t last = block_end(all, at);
            all.erase(all.begin() + static_cast<long>(at), all.begin() + static_cast<long>(last));
            all.insert(all.begin() + static_cast<long>(at), lines.begin(), lines.end());
            return save(all);
        }
    }
    all.insert(all.begin() + static_cast<long>(end), lines.begin(), lines.end());
    return save(all);
}

base::Result<void> StackFile::save(const std::vector<std::string>& lines) {
    std::string content = base::join(lines, "\n");
    if (!content.empty()) content += "\n";
    // What was meant must be what the next reader sees: the edit is by lines, the check by a whole parse.
    auto document = parse_yaml(content);
    if (!document)
        return base::fail(base::code::InvalidConfig, path_.string() + " cannot be edited: " + document.error().message);
    TRY(os::replace_file(path_, content, 0644));
    lines_ = lines;
    document_ = std::move(*document);
    salt_state_ = document_["encryptionsalt"].text;
    return {};
}

namespace {

// The key as the file has it, if it has it in another form (`PROJECT:config:key`, `key`).
std::string key_in_file(const Project& project, const Yaml& config, const std::string& full) {
    for (const auto& [key, value] : config.members)
        if (full_key(project, key) == full) return key;
    return full;
}

}  // namespace

base::Result<void> StackFile::set(const std::string& full, const std::string& text) {
    const std::string key = key_in_file(*project_, document_["config"], full);
    std::string value = quote_yaml(text);
    // A program reads every value as text; numbers and flags look the same either way, and people write them bare.
    if (value != text && !text.empty() && parse_yaml("k: " + text)) {
        const auto bare = parse_yaml("k: " + text);
        const Property read = (*bare)["k"].to_property();
        if ((*bare)["k"].is_scalar() && (*bare)["k"].text == text &&
            (read.is(Property::Kind::number) || read.is(Property::Kind::boolean)))
            value = text;
    }
    return put_lines(key, {"  " + quote_yaml(key) + ": " + value});
}

base::Result<void> StackFile::set_secret(const std::string& full, const std::string& text, Secrets& secrets) {
    const std::string key = key_in_file(*project_, document_["config"], full);
    const std::string ciphertext = TRY(secrets.encrypt(text));
    TRY(keep_salt(secrets));
    return put_lines(key, {"  " + quote_yaml(key) + ":", "    secure: " + ciphertext});
}

base::Result<bool> StackFile::remove(const std::string& full) {
    const std::string key = key_in_file(*project_, document_["config"], full);
    if (document_["config"].find(key) == nullptr) return false;
    TRY(put_lines(key, {}));
    return true;
}

base::Result<void> StackFile::keep_salt(const Secrets& secrets) {
    const std::string salt = secrets.salt_state();
    if (salt.empty() || !salt_state_.empty()) return {};  // a salt that is there belongs to the secrets of the file
    std::vector<std::string> all = lines_;
    all.insert(all.begin(), "encryptionsalt: " + salt);
    return save(all);
}

}  // namespace deploy
