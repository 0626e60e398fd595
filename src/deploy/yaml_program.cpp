#include "deploy/yaml_program.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <thread>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "deploy/urn.hpp"
#include "deploy/yaml_expression.hpp"
#include "os/file.hpp"

namespace deploy {

using provider::Property;

std::string full_token(std::string_view token) {
    const auto parts = base::split(token, ':');
    if (parts.size() < 2 || parts.size() > 3 || token.starts_with("pulumi:")) return std::string(token);
    const std::string_view package = parts.front(), member = parts.back();
    const std::string_view module = parts.size() == 3 ? parts[1] : std::string_view("index");
    if (member.empty() || module.contains('/')) return std::string(token);
    std::string file(member);
    file.front() = base::lower(file.front());
    return std::string(package) + ":" + std::string(module) + "/" + file + ":" + std::string(member);
}

namespace {

// What the evaluator shares with replies that may come after it has gone.
struct Shared {
    base::Mutex mutex;
    base::Condition changed;
    bool stopped GUARDED_BY(mutex) = false;
    std::deque<std::pair<std::string, rpc::Registered>> registered GUARDED_BY(mutex);  // by node
    std::optional<base::Result<rpc::Invoked>> invoked GUARDED_BY(mutex);
    bool released GUARDED_BY(mutex) = false;
};

struct Node {
    enum class Kind { resource, variable };
    Kind kind;
    const Yaml* yaml;
    std::set<std::string> uses;  // names of other nodes
    bool started = false, done = false;
};

class YamlProgram final : public Program {
public:
    YamlProgram(ProgramOptions options, rpc::Monitor& monitor, Yaml document, std::string file)
        : options_(std::move(options)),
          monitor_(monitor),
          document_(std::move(document)),
          file_(std::move(file)),
          thread_([this] { main(); }) {}

    ~YamlProgram() override {
        interrupt();
        thread_.join();
    }
    void interrupt() override {
        const base::Lock lock(shared_->mutex);
        shared_->stopped = true;
        shared_->changed.notify_all();
    }
    bool wait(int milliseconds) override {
        base::Lock lock(shared_->mutex);
        return shared_->changed.wait_for(shared_->mutex, std::chrono::milliseconds(milliseconds),
                                         [this]() REQUIRES(shared_->mutex) { return over_; });
    }
    void kill() override { interrupt(); }

private:
    void main() {
        auto result = evaluate();
        std::optional<std::string> error;
        if (!result) error = result.error().message;
        options_.ended(error);
        const base::Lock lock(shared_->mutex);
        over_ = true;
        shared_->changed.notify_all();
    }

    std::unexpected<base::Error> error_at(int line, const std::string& message) const {
        return base::fail(base::code::InvalidProgram,
                          std::filesystem::path(file_).filename().string() + ":" + std::to_string(line) + ": " + message);
    }
    static std::unexpected<base::Error> stopped() { return base::fail(base::code::Interrupted, ""); }

    base::Result<void> evaluate() {
        expressions_.error_at = [this](int line, const std::string& message) { return error_at(line, message).error(); };
        expressions_.lookup = [this](const std::string& name, int line) { return lookup(name, line); };
        expressions_.invoke = [this](const Yaml& call, std::string token) { return invoke(call, std::move(token)); };
        expressions_.folder = options_.project->program.string();
        expressions_.preview = options_.preview;
        TRY(read_config());
        TRY(collect());
        TRY(register_stack());
        while (true) {
            TRY(start_ready());
            if (std::ranges::all_of(nodes_, [](const auto& node) { return node.second.done; })) break;
            if (running_ == 0) return error_at(1, "these depend on each other: " + unfinished());
            TRY(take_registered());
        }
        Property outputs(Property::Object{});
        for (const auto& [name, value] : document_["outputs"].members) outputs.set(name, TRY(expressions_.evaluate(value)));
        monitor_.register_outputs(stack_urn_, std::move(outputs));
        return finish();
    }

    base::Result<void> finish() {
        monitor_.finish([shared = shared_](const base::Result<bool>&) {
            const base::Lock lock(shared->mutex);
            shared->released = true;
            shared->changed.notify_all();
        });
        base::Lock lock(shared_->mutex);
        shared_->changed.wait(shared_->mutex,
                              [this]() REQUIRES(shared_->mutex) { return shared_->released || shared_->stopped; });
        if (!shared_->released) return stopped();
        return {};
    }

    base::Result<void> read_config() {
        const std::string mine = options_.project->name + ":";
        for (const auto& [key, value] : options_.config) {
            const std::string name = key.starts_with(mine) ? key.substr(mine.size()) : key;
            std::string type = document_["config"][name]["type"].text;
            if (type.empty()) type = document_["configuration"][name]["type"].text;
            type = base::lower(type);
            Property property(value.text);
            if (value.structured || type == "object" || type.starts_with("list") || type == "array") {
                const auto json = text::parse_json(value.text);
                if (!json) return error_at(document_["config"][name].line, "the configuration value `" + name + "` is not JSON");
                property = Property::from_json(*json);
            } else if (type == "number" || type == "int" || type == "integer" || type == "boolean") {
                Yaml scalar;
                scalar.kind = Yaml::Kind::scalar;
                scalar.text = value.text;
                property = scalar.to_property();
                if (!property.is(type == "boolean" ? Property::Kind::boolean : Property::Kind::number))
                    return error_at(document_["config"][name].line, "the configuration value `" + name + "` is not a " + type);
            }
            values_[name] = value.secret ? Property::secret(std::move(property)) : std::move(property);
        }
        return {};
    }

    // The nodes, and that every name they use exists.
    base::Result<void> collect() {
        for (const auto& [key, value] : document_.members) {
            static const std::set<std::string> known = {"name",          "runtime",   "description",    "main",    "config",
                                                        "configuration", "variables", "resources",      "outputs", "pulumi",
                                                        "backend",       "options",   "stackConfigDir", "author",  "website",
                                                        "license",       "template",  "packages"};
            if (!known.contains(key)) return error_at(value.line, "`" + key + "` is not supported");
        }
        for (const auto& [name, value] : document_["variables"].members) TRY(add_node(name, Node::Kind::variable, value));
        for (const auto& [name, value] : document_["resources"].members) TRY(add_node(name, Node::Kind::resource, value));
        for (auto& [name, node] : nodes_) TRY(check_uses(*node.yaml, node.uses));
        std::set<std::string> uses;
        return check_uses(document_["outputs"], uses);
    }

    base::Result<void> add_node(const std::string& name, Node::Kind kind, const Yaml& value) {
        if (name == "pulumi" || nodes_.contains(name) || values_.contains(name))
            return error_at(value.line, "the name `" + name + "` is taken");
        nodes_.emplace(name, Node{kind, &value, {}});
        return {};
    }

    base::Result<void> check_uses(const Yaml& value, std::set<std::string>& uses) {
        std::vector<std::pair<std::string, int>> names;
        TRY(expressions_.names_used(value, names));
        for (const auto& [name, line] : names) {
            if (nodes_.contains(name))
                uses.insert(name);
            else if (name != "pulumi" && !values_.contains(name))
                return error_at(line, "there is no resource, variable or configuration value `" + name + "`");
        }
        return {};
    }

    std::string unfinished() const {
        std::vector<std::string> names;
        for (const auto& [name, node] : nodes_)
            if (!node.done) names.push_back(name);
        return base::join(names, ", ");
    }

    base::Result<void> register_stack() {
        rpc::Registration registration;
        registration.type = stack_type;
        registration.name = options_.project->name + "-" + options_.stack;
        registration.inputs = Property(Property::Object{});
        start_registration("", std::move(registration));
        return take_registered();
    }

    void start_registration(const std::string& node, rpc::Registration registration) {
        ++running_;
        monitor_.register_resource(std::move(registration), answer_to(node));
    }

    rpc::Reply<rpc::Registered> answer_to(const std::string& node) {
        return [shared = shared_, node](base::Result<rpc::Registered> registered) {
            if (!registered) return;  // the engine has said so, and stops us
            const base::Lock lock(shared->mutex);
            shared->registered.emplace_back(node, std::move(*registered));
            shared->changed.notify_all();
        };
    }

    base::Result<void> take_registered() {
        base::Lock lock(shared_->mutex);
        shared_->changed.wait(shared_->mutex,
                              [this]() REQUIRES(shared_->mutex) { return !shared_->registered.empty() || shared_->stopped; });
        if (shared_->registered.empty()) return stopped();
        while (!shared_->registered.empty()) {
            auto [name, registered] = std::move(shared_->registered.front());
            shared_->registered.pop_front();
            --running_;
            if (name.empty()) {
                stack_urn_ = registered.urn;
                continue;
            }
            nodes_.at(name).done = true;
            resources_[name] = std::move(registered);
        }
        return {};
    }

    base::Result<void> start_ready() {
        for (bool again = true; again;) {
            again = false;
            for (auto& [name, node] : nodes_) {
                if (node.started ||
                    !std::ranges::all_of(node.uses, [this](const std::string& used) { return nodes_.at(used).done; }))
                    continue;
                node.started = true;
                if (node.kind == Node::Kind::variable) {
                    values_[name] = TRY(expressions_.evaluate(*node.yaml));
                    node.done = again = true;
                } else {
                    TRY(start_resource(name, *node.yaml));
                }
            }
        }
        return {};
    }

    // The resources that a value uses, through variables too.
    std::vector<std::string> urns_used(const Yaml& value) {
        std::set<std::string> urns;
        std::vector<const Yaml*> todo = {&value};
        std::set<std::string> seen;
        while (!todo.empty()) {
            const Yaml* at = todo.back();
            todo.pop_back();
            std::vector<std::pair<std::string, int>> names;
            if (!expressions_.names_used(*at, names)) continue;
            for (const auto& [name, line] : names) {
                if (!nodes_.contains(name) || !seen.insert(name).second) continue;
                if (resources_.contains(name))
                    urns.insert(resources_.at(name).urn);
                else if (nodes_.at(name).kind == Node::Kind::variable)
                    todo.push_back(nodes_.at(name).yaml);
            }
        }
        return {urns.begin(), urns.end()};
    }

    base::Result<void> start_resource(const std::string& key, const Yaml& yaml) {
        for (const auto& [member, value] : yaml.members) {
            if (member != "type" && member != "name" && member != "properties" && member != "options" && member != "get" &&
                member != "defaultProvider")
                return error_at(value.line, "`" + member + "` of a resource is not supported");
        }
        if (yaml["type"].text.empty()) return error_at(yaml.line, "the resource `" + key + "` has no type");
        rpc::Registration registration;
        registration.type = full_token(yaml["type"].text);
        registration.name = yaml["name"].is_null() ? key : yaml["name"].text;
        registration.custom = true;
        registration.source = {file_, yaml.line, 0};
        registration.inputs = Property(Property::Object{});
        std::set<std::string> dependencies;
        if (!yaml["properties"].is_null() && !yaml["properties"].is_map())
            return error_at(yaml["properties"].line, "`properties` must be a map");
        for (const auto& [property, value] : yaml["properties"].members) {
            registration.inputs.set(property, TRY(expressions_.evaluate(value)));
            auto& urns = registration.property_dependencies[property];
            urns = urns_used(value);
            dependencies.insert(urns.begin(), urns.end());
        }
        if (is_provider_type(registration.type)) {
            // As SDKs send it: a provider's structured settings are JSON in a string.
            for (auto& [name, value] : registration.inputs.members())
                if (!value.is(Property::Kind::string) && !value.has_unknowns() && !value.has_secrets())
                    value = Property(value.to_json().dump());
        }
        TRY(read_options(yaml["options"], registration, dependencies));
        if (registration.provider.empty()) registration.provider = default_provider_of(registration.type);
        registration.dependencies.assign(dependencies.begin(), dependencies.end());
        if (const Yaml* get = yaml.find("get")) {
            const Property id = TRY(expressions_.evaluate((*get)["id"]));
            ++running_;
            monitor_.read_resource({.id = id.as_string(),
                                    .type = registration.type,
                                    .name = registration.name,
                                    .parent = registration.parent,
                                    .inputs = TRY(expressions_.evaluate((*get)["state"])),
                                    .dependencies = registration.dependencies,
                                    .provider = registration.provider,
                                    .version = registration.version,
                                    .source = registration.source},
                                   answer_to(key));
            return {};
        }
        start_registration(key, std::move(registration));
        return {};
    }

    std::string default_provider_of(const std::string& type) const {
        for (const auto& [name, registered] : resources_) {
            const Yaml& yaml = *nodes_.at(name).yaml;
            if (yaml["defaultProvider"].text == "true" && !is_provider_type(type) &&
                urn_type(registered.urn) == "pulumi:providers:" + std::string(package_of(type)))
                return registered.urn + "::" + registered.id;
        }
        return "";
    }

    base::Result<rpc::Registered> resource_in(const Yaml& value) {
        const Property property = TRY(expressions_.evaluate(value));
        if (!property.is(Property::Kind::reference)) return error_at(value.line, "this must be a resource: ${name}");
        for (const auto& [name, registered] : resources_)
            if (registered.urn == property.as_string()) return registered;
        return error_at(value.line, "this must be a resource of this program");
    }

    static std::vector<std::string> strings_of(const Property& value) {
        std::vector<std::string> strings;
        for (const Property& item : value.items()) strings.push_back(item.as_string());
        return strings;
    }

    base::Result<void> read_options(const Yaml& options, rpc::Registration& registration, std::set<std::string>& dependencies) {
        for (const auto& [name, value] : options.members) {
            if (name == "dependsOn") {
                const std::vector<Yaml> several = value.is_sequence() ? value.items : std::vector<Yaml>{value};
                for (const Yaml& one : several) dependencies.insert(TRY(resource_in(one)).urn);
            } else if (name == "parent")
                registration.parent = TRY(resource_in(value)).urn;
            else if (name == "deletedWith")
                registration.deleted_with = TRY(resource_in(value)).urn;
            else if (name == "provider") {
                const rpc::Registered provider = TRY(resource_in(value));
                registration.provider = provider.urn + "::" + provider.id;
            } else if (name == "protect")
                registration.protect = TRY(expressions_.evaluate(value)).as_bool();
            else if (name == "retainOnDelete")
                registration.retain_on_delete = TRY(expressions_.evaluate(value)).as_bool();
            else if (name == "deleteBeforeReplace")
                registration.delete_before_replace = TRY(expressions_.evaluate(value)).as_bool();
            else if (name == "ignoreChanges")
                registration.ignore_changes = strings_of(TRY(expressions_.evaluate(value)));
            else if (name == "replaceOnChanges")
                registration.replace_on_changes = strings_of(TRY(expressions_.evaluate(value)));
            else if (name == "additionalSecretOutputs")
                registration.additional_secret_outputs = strings_of(TRY(expressions_.evaluate(value)));
            else if (name == "import")
                registration.import_id = TRY(expressions_.evaluate(value)).as_string();
            else if (name == "version")
                registration.version = value.text;
            else if (name == "aliases") {
                for (const Yaml& alias : value.items) {
                    if (alias.is_scalar())
                        registration.aliases.push_back({.urn = alias.text});
                    else
                        registration.aliases.push_back({.name = alias["name"].text,
                                                        .type = alias["type"].text,
                                                        .stack = alias["stack"].text,
                                                        .project = alias["project"].text});
                }
            } else
                return error_at(value.line, "the resource option `" + name + "` is not supported");
        }
        return {};
    }

    base::Result<Property> lookup(const std::string& name, int line) {
        if (name == "pulumi") {
            return Property(Property::Object{{"stack", Property(options_.stack)},
                                             {"project", Property(options_.project->name)},
                                             {"organization", Property("organization")},
                                             {"cwd", Property(options_.project->program.string())},
                                             {"rootDirectory", Property(options_.project->root.string())}});
        }
        if (const auto value = values_.find(name); value != values_.end()) return value->second;
        const auto found = resources_.find(name);
        if (found == resources_.end()) return error_at(line, "there is no `" + name + "`");
        const rpc::Registered& registered = found->second;
        // A resource that is looked into: its outputs, with its id and urn. Expressions turn the bare name into a plain
        // reference.
        Property whole = registered.outputs;
        whole.set("id", registered.id.empty() ? Property::unknown() : Property(registered.id));
        whole.set("urn", Property(registered.urn));
        return Property::reference(registered.urn, std::move(whole));
    }

    base::Result<Property> invoke(const Yaml& call, std::string token) {
        const Yaml& arguments = call.find("arguments") != nullptr || call.find("function") != nullptr ? call["arguments"] : call;
        rpc::Invocation invocation;
        invocation.token = full_token(token);
        invocation.source = {file_, call.line, 0};
        invocation.arguments = Property(Property::Object{});
        for (const auto& [name, value] : arguments.members) invocation.arguments.set(name, TRY(expressions_.evaluate(value)));
        for (const auto& [name, value] : call["options"].members) {
            if (name == "provider") {
                const rpc::Registered provider = TRY(resource_in(value));
                invocation.provider = provider.urn + "::" + provider.id;
            } else if (name == "version")
                invocation.version = value.text;
            else
                return error_at(value.line, "the invoke option `" + name + "` is not supported");
        }
        if (invocation.arguments.has_unknowns())
            return invocation.arguments.has_secrets() ? Property::secret(Property::unknown()) : Property::unknown();
        invocation.provider = invocation.provider.empty() ? default_provider_of(invocation.token) : invocation.provider;
        monitor_.invoke(std::move(invocation), [shared = shared_](base::Result<rpc::Invoked> invoked) {
            const base::Lock lock(shared->mutex);
            shared->invoked = std::move(invoked);
            shared->changed.notify_all();
        });
        base::Lock lock(shared_->mutex);
        shared_->changed.wait(shared_->mutex,
                              [this]() REQUIRES(shared_->mutex) { return shared_->invoked.has_value() || shared_->stopped; });
        auto answered = std::exchange(shared_->invoked, std::nullopt);
        if (!answered) return stopped();
        const base::Result<rpc::Invoked> answer = std::move(*answered);
        lock.unlock();
        if (!answer) return error_at(call.line, answer.error().message);
        const rpc::Invoked& invoked = *answer;
        if (!invoked.failures.empty()) return error_at(call.line, token + ": " + invoked.failures.front().second);
        if (const Yaml* part = call.find("return")) {
            if (!invoked.result.contains(part->text)) return error_at(part->line, token + " returns no `" + part->text + "`");
            return invoked.result[part->text];
        }
        return invoked.result;
    }

    ProgramOptions options_;
    rpc::Monitor& monitor_;
    Yaml document_;
    std::string file_;
    Expressions expressions_;
    std::map<std::string, Property> values_;  // configuration and variables
    std::map<std::string, rpc::Registered> resources_;
    std::map<std::string, Node> nodes_;
    std::string stack_urn_;
    size_t running_ = 0;
    bool over_ = false;
    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
    std::thread thread_;
};

}  // namespace

base::Result<std::unique_ptr<Program>> start_yaml(ProgramOptions options, rpc::Monitor& monitor) {
    Yaml document = options.project->document;
    std::filesystem::path file = options.project->file;
    if (const auto main = options.project->program / (options.project->entry.empty() ? "Main.yaml" : options.project->entry);
        document["resources"].is_null() && std::filesystem::exists(main)) {
        const std::string content = TRY(os::read_file(main));
        document = TRY(parse_yaml(content));
        file = main;
    }
    return std::make_unique<YamlProgram>(std::move(options), monitor, std::move(document), file.string());
}

}  // namespace deploy
