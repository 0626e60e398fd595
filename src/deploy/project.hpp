// What a folder says about its program: Pulumi.yaml (the project) and Pulumi.STACK.yaml (the stack's configuration).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "deploy/secrets.hpp"
#include "deploy/yaml.hpp"

namespace deploy {

struct Project {
    std::string name;
    std::string runtime;            // python, nodejs, yaml
    Yaml options;                   // runtime.options
    std::filesystem::path root;     // the folder of Pulumi.yaml, absolute
    std::filesystem::path file;     // Pulumi.yaml itself
    std::filesystem::path program;  // root, or root/main, or the folder of the file that `main` names
    std::string entry;              // that file's name; empty: the language knows where to begin
    std::string backend_url;
    Yaml document;  // all of Pulumi.yaml
};

// The Pulumi.yaml of this folder or the nearest one above it. Error `NoProject`.
[[nodiscard]] base::Result<Project> find_project(const std::filesystem::path& folder);

// `key` alone belongs to the project: `bucket` is `PROJECT:bucket`. Pulumi also writes `PROJECT:config:bucket`.
[[nodiscard]] std::string full_key(const Project& project, std::string_view key);

struct ConfigValue {
    std::string text;  // decrypted; a structured value is its JSON
    bool secret = false;
    bool structured = false;
};
using Config = std::map<std::string, ConfigValue>;  // by full key

// Pulumi.STACK.yaml. Edits keep the file's other lines and comments as they are.
class StackFile {
public:
    [[nodiscard]] static base::Result<StackFile> load(const Project& project, const std::string& stack);
    [[nodiscard]] const std::string& salt_state() const { return salt_state_; }
    // Values by full key, secrets decrypted, with the defaults of Pulumi.yaml where the stack says nothing.
    // Error: a value that Pulumi.yaml declares and the configuration lacks, a secret that does not open.
    [[nodiscard]] base::Result<Config> config(Secrets& secrets) const;
    // The same without opening secrets: their text is empty. For listing, and for commands that run no program.
    [[nodiscard]] base::Result<Config> config_without_secrets() const;

    [[nodiscard]] base::Result<void> set(const std::string& full_key, const std::string& text);
    [[nodiscard]] base::Result<void> set_secret(const std::string& full_key, const std::string& text, Secrets& secrets);
    // False: it was not there.
    [[nodiscard]] base::Result<bool> remove(const std::string& full_key);
    // Writes the salt if the stack has just got its first secret.
    [[nodiscard]] base::Result<void> keep_salt(const Secrets& secrets);

private:
    [[nodiscard]] base::Result<Config> read_config(Secrets* secrets) const;
    [[nodiscard]] base::Result<void> put_lines(const std::string& key, const std::vector<std::string>& lines);
    [[nodiscard]] base::Result<void> save(const std::vector<std::string>& lines);

    const Project* project_ = nullptr;
    std::filesystem::path path_;
    std::vector<std::string> lines_;
    Yaml document_;
    std::string salt_state_;
};

}  // namespace deploy
