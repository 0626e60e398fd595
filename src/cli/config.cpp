// `trainwarden config`: the configuration values of a stack, in Pulumi.STACK.yaml.
#include <cstdio>
#include <iostream>

#include "base/error_codes.hpp"
#include "cli/commands.hpp"
#include "cli/deployment.hpp"
#include "cli/terminal.hpp"

namespace cli {

namespace {

struct ConfigChoice : StackChoice {
    std::string key, value;
    bool secret = false, plaintext = false, json = false, show_secrets = false;
};

// Configuration is a file beside the program: no stack needs to exist.
struct OpenedFile {
    std::unique_ptr<deploy::Project> project;
    deploy::StackFile file;
    std::unique_ptr<deploy::Secrets> secrets;
};

base::Result<OpenedFile> open_file(const StackChoice& choice) {
    OpenedFile opened;
    opened.project = std::make_unique<deploy::Project>(TRY(deploy::find_project(choice.folder)));
    const std::string name = TRY(chosen_stack(*opened.project, choice.stack));
    opened.file = TRY(deploy::StackFile::load(*opened.project, name));
    std::string salt = opened.file.salt_state();
    // A stack whose first secret was made by a deployment has its salt in the state as well.
    const deploy::Backend backend = TRY(deploy::Backend::open(opened.project->backend_url, opened.project->root));
    if (salt.empty() && backend.has(opened.project->name, name)) {
        const text::Json deployment = TRY(backend.load(opened.project->name, name));
        salt = deploy::read_salt_state(deployment);
    }
    opened.secrets = std::make_unique<deploy::Secrets>(salt, passphrase_source(), system_random());
    return opened;
}

base::Result<int> set_value(const ConfigChoice& choice) {
    OpenedFile opened = TRY(open_file(choice));
    std::string value = choice.value;
    if (value.empty() || value == "-") {
        if (!std::getline(std::cin, value, '\0')) value.clear();
        while (value.ends_with('\n')) value.pop_back();
    }
    const std::string key = deploy::full_key(*opened.project, choice.key);
    if (choice.secret)
        TRY(opened.file.set_secret(key, value, *opened.secrets));
    else
        TRY(opened.file.set(key, value));
    return 0;
}

base::Result<int> get_value(const ConfigChoice& choice) {
    OpenedFile opened = TRY(open_file(choice));
    const std::string key = deploy::full_key(*opened.project, choice.key);
    const deploy::Config plain = TRY(opened.file.config_without_secrets());
    const auto found = plain.find(key);
    if (found == plain.end()) return base::fail(base::code::NoSuchConfig, "there is no configuration value `" + choice.key + "`");
    const std::string text = found->second.secret ? TRY(opened.file.config(*opened.secrets)).at(key).text : found->second.text;
    print_value(text);
    return 0;
}

base::Result<int> list_values(const ConfigChoice& choice) {
    OpenedFile opened = TRY(open_file(choice));
    const deploy::Config config =
        choice.show_secrets ? TRY(opened.file.config(*opened.secrets)) : TRY(opened.file.config_without_secrets());
    text::Json json = text::Json::object();
    std::vector<std::vector<std::string>> rows = {{"KEY", "VALUE"}};
    for (const auto& [key, value] : config) {
        const bool hidden = value.secret && !choice.show_secrets;
        text::Json entry = text::Json::object();
        if (!hidden) entry.set("value", text::Json(value.text));
        entry.set("secret", text::Json(value.secret));
        json.set(key, std::move(entry));
        rows.push_back({key, hidden ? "[secret]" : value.text});
    }
    if (choice.json)
        print_pretty_json(json);
    else
        print(table(rows));
    return 0;
}

base::Result<int> remove_value(const ConfigChoice& choice) {
    OpenedFile opened = TRY(open_file(choice));
    if (!TRY(opened.file.remove(deploy::full_key(*opened.project, choice.key))))
        return base::fail(base::code::NoSuchConfig, "there is no configuration value `" + choice.key + "`");
    return 0;
}

}  // namespace

void add_config(Command& root) {
    auto choice = std::make_shared<ConfigChoice>();
    Command config = root.subcommand("config", "Configuration values of a stack");
    Command set = config.subcommand("set", "Set a value; without VALUE it is read from stdin");
    add_stack_options(set, *choice);
    set.flag("--secret", choice->secret, "encrypt it");
    set.flag("--plaintext", choice->plaintext, "keep it as it is (the default)");
    set.positional("KEY", choice->key, "key: `name`, or `aws:region` of another namespace");
    set.positional("VALUE", choice->value, "value", false);
    set.action([choice] { return set_value(*choice); });
    Command get = config.subcommand("get", "Print a value, decrypted");
    add_stack_options(get, *choice);
    get.positional("KEY", choice->key, "key");
    get.action([choice] { return get_value(*choice); });
    Command list = config.subcommand("ls", "List the values");
    add_stack_options(list, *choice);
    list.flag("--json", choice->json, "print a JSON object");
    list.flag("--show-secrets", choice->show_secrets, "decrypt secrets");
    list.action([choice] { return list_values(*choice); });
    Command remove = config.subcommand("rm", "Remove a value");
    add_stack_options(remove, *choice);
    remove.positional("KEY", choice->key, "key");
    remove.action([choice] { return remove_value(*choice); });
}

}  // namespace cli
