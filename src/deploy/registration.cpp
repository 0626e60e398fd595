// What a registration wants: its name, its old self, its provider, its inputs, and which step that makes.
#include <algorithm>
#include <filesystem>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "deploy/context.hpp"
#include "deploy/property_path.hpp"
#include "deploy/urn.hpp"
#include "os/file.hpp"

namespace deploy {

using provider::Property;
using Kind = Property::Kind;

namespace {

// Of a provider's settings, those that are secrets even if a program or a configuration does not say so.
const std::vector<std::string> provider_secrets = {"accessKey", "secretKey", "token"};

// What a provider is configured with; the rest is about the plugin that Pulumi runs (`version`, and its engine's `__internal`).
Property settings_of(const Property& inputs) {
    Property settings = inputs.without_secrets();
    std::erase_if(settings.members(),
                  [](const auto& member) { return member.first == "version" || member.first.starts_with("__"); });
    return settings;
}

constexpr size_t name_digits = 7;  // of the random part of an automatic name, as Pulumi does

base::Result<std::string> content_hash(const Property& asset) {
    if (asset.contains("text")) return crypto::hex(crypto::sha256(asset["text"].as_string()));
    if (!asset.contains("path")) return std::string();
    const std::filesystem::path path = asset["path"].as_string();
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
        const std::string content = TRY(os::read_file(path));
        return crypto::hex(crypto::sha256(content));
    }
    // A folder: its files' names and hashes, in order.
    std::vector<std::filesystem::path> files;
    for (std::filesystem::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
        if (entry->is_regular_file(error)) files.push_back(entry->path());
    if (error) return base::fail(base::code::FileError, "cannot read the folder " + path.string() + ": " + error.message());
    std::ranges::sort(files);
    std::string all;
    for (const auto& file : files) {
        const std::string content = TRY(os::read_file(file));
        all += file.lexically_relative(path).string() + "\n" + crypto::hex(crypto::sha256(content)) + "\n";
    }
    return crypto::hex(crypto::sha256(all));
}

}  // namespace

base::Result<Property> for_provider(const Property& value) {
    switch (value.kind()) {
        case Kind::secret:
            return for_provider(value.items().front());
        case Kind::reference:
            return value.items().front().is(Kind::null) ? Property(value.as_string()) : value.items().front();
        case Kind::array: {
            Property::Array items;
            for (const Property& item : value.items()) items.push_back(TRY(for_provider(item)));
            return Property(std::move(items));
        }
        case Kind::object: {
            Property::Object members;
            for (const auto& [key, member] : value.members()) members.emplace(key, TRY(for_provider(member)));
            return Property(std::move(members));
        }
        case Kind::asset:
        case Kind::archive: {
            Property::Object fields;
            for (const auto& [key, member] : value.members()) fields.emplace(key, TRY(for_provider(member)));
            std::string hash = TRY(content_hash(value));
            if (!hash.empty()) fields.insert_or_assign("hash", Property(std::move(hash)));
            return value.is(Kind::asset) ? Property::asset(std::move(fields)) : Property::archive(std::move(fields));
        }
        default:
            return value;
    }
}

namespace {

Property keep_secret(Property value, const Property& like, const std::vector<std::string>& also,
                     const std::set<std::string>& secret_ids) {
    SecretTexts texts = secret_texts(like);
    texts.parts.insert(secret_ids.begin(), secret_ids.end());
    value = with_secrets_of(std::move(value), like, texts);
    for (const std::string& text : also)
        if (const auto path = PropertyPath::parse(text)) path->make_secret(value);
    return value;
}

}  // namespace

Property keep_secret(Property value, const Property& like, const std::vector<std::string>& also) {
    return keep_secret(std::move(value), like, also, {});
}

// The same, and an id that is a secret wherever it went; what is a secret from now on is known as one.
Property Engine::sealed(Property value, const Property& like, const std::vector<std::string>& also) {
    value = keep_secret(std::move(value), like, also, secrets_.ids());
    secrets_.learn(value);
    return value;
}

Step Engine::Context::step(Op op, Step::Phase phase) const {
    Step step{.op = op,
              .phase = phase,
              .urn = urn,
              .type = fresh->type,
              .name = std::string(urn_name(urn)),
              .id = fresh->id,
              .source = fresh->source_position,
              .before = old,
              .after = fresh};
    if (phase != Step::Phase::begun)
        step.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    return step;
}

std::vector<std::string> Engine::alias_urns(const rpc::Registration& registration, const std::string& urn) {
    std::vector<std::string> urns;
    const auto add = [&](std::string alias) {
        if (alias != urn && std::ranges::find(urns, alias) == urns.end()) urns.push_back(std::move(alias));
    };
    const auto or_else = [](const std::string& text, std::string_view fallback) {
        return text.empty() ? std::string(fallback) : text;
    };
    for (const rpc::Alias& alias : registration.aliases) {
        if (!alias.urn.empty()) {
            add(alias.urn);
            continue;
        }
        const std::string parent = alias.parent.value_or(registration.parent);
        add(make_urn(or_else(alias.stack, options_.stack), or_else(alias.project, options_.project), parent,
                     or_else(alias.type, registration.type), or_else(alias.name, registration.name)));
    }
    // A child was, under each of its parent's old names, a child of that.
    for (const std::string& parent : inherited_[registration.parent].aliases)
        add(make_urn(urn_stack(parent), urn_project(parent), parent, registration.type, registration.name));
    return urns;
}

ResourcePtr Engine::find_old(const rpc::Registration& registration, const std::string& urn) {
    std::vector<std::string> names = {urn};
    const std::vector<std::string> aliases = alias_urns(registration, urn);
    names.insert(names.end(), aliases.begin(), aliases.end());
    inherited_[urn].aliases = aliases;
    for (const std::string& name : names) {
        const auto found = old_by_urn_.find(name);
        if (found == old_by_urn_.end()) continue;
        ResourcePtr old = found->second;
        old_by_urn_.erase(found);
        return old;
    }
    return nullptr;
}

// Names it, finds its old self, takes over what a parent hands down.
base::Result<void> Engine::prepare(Context& context) {
    rpc::Registration registration = context.registration;
    const base::Lock lock(mutex_);
    if (registration.parent.empty() && registration.type != stack_type) registration.parent = stack_urn_;
    context.urn = make_urn(options_.stack, options_.project, registration.parent, registration.type, registration.name);
    if (!seen_.insert(context.urn).second) {
        return base::fail(base::Error(base::code::DuplicateResource,
                                      "two resources of type " + registration.type + " are named `" + registration.name + "`")
                              .note("a resource's name must be unique among those of its type and parent"));
    }
    if (registration.type == stack_type) stack_urn_ = context.urn;
    context.old = find_old(registration, context.urn);
    context.recreated = recreated_.erase(context.urn) > 0;

    const Inherited parent = inherited_[registration.parent];
    Inherited& own = inherited_[context.urn];
    own.protect = registration.protect.value_or(parent.protect);
    own.retain_on_delete = registration.retain_on_delete.value_or(parent.retain_on_delete);
    own.deleted_with = registration.deleted_with.empty() ? parent.deleted_with : registration.deleted_with;
    own.providers = parent.providers;
    for (const auto& [package, reference] : registration.providers) own.providers[package] = reference;
    if (!registration.custom && !registration.provider.empty()) {
        const std::string urn = parse_provider_reference(registration.provider).urn;
        own.providers[std::string(package_of(urn_type(urn)))] = registration.provider;
    }

    auto fresh = std::make_shared<Resource>();
    fresh->urn = context.urn;
    fresh->type = registration.type;
    fresh->parent = registration.parent;
    fresh->custom = registration.custom;
    secrets_.learn(registration.inputs);
    fresh->inputs = registration.inputs;
    fresh->outputs = Property(Property::Object{});
    fresh->protect = own.protect;
    fresh->retain_on_delete = own.retain_on_delete;
    fresh->deleted_with = own.deleted_with;
    // A stack reference lives in no state; depending on it means nothing.
    for (const std::string& urn : registration.dependencies)
        if (seen_.contains(urn)) fresh->dependencies.push_back(urn);
    for (const auto& [property, urns] : registration.property_dependencies) {
        auto& kept = fresh->property_dependencies[property];
        for (const std::string& urn : urns)
            if (seen_.contains(urn)) kept.push_back(urn);
    }
    std::ranges::sort(fresh->dependencies);
    fresh->additional_secret_outputs = registration.additional_secret_outputs;
    fresh->ignore_changes = registration.ignore_changes;
    fresh->replace_on_changes = registration.replace_on_changes;
    fresh->import_id = registration.import_id;
    fresh->source_position = shown(registration.source);
    fresh->created = context.old != nullptr && !context.old->created.empty() ? context.old->created : now_text();
    fresh->modified = context.old != nullptr && !context.old->modified.empty() ? context.old->modified : fresh->created;
    if (context.old != nullptr) {
        fresh->others = context.old->others;
        context.tainted = fresh->others["taint"].as_bool();
        context.incomplete = fresh->others["initErrors"].size() > 0;
        // Of the old one's life, or of the program that made it.
        for (const char* passed : {"taint", "initErrors", "pendingReplacement", "stackTrace", "aliases"})
            if (fresh->others.is_object()) fresh->others.erase(passed);
        if (!context.old->external) fresh->id = context.old->id;
    }
    context.fresh = std::move(fresh);
    return {};
}

base::Result<rpc::Registered> Engine::process(const rpc::Registration& registration) {
    Context context{.registration = registration};
    TRY(prepare(context));
    if (!registration.custom) return process_component(context);
    if (is_provider_type(registration.type)) return process_provider(context);
    return process_custom(context);
}

// Components (and the stack) exist in the state alone.
base::Result<rpc::Registered> Engine::process_component(Context& context) {
    const Op op = context.old == nullptr ? Op::create : Op::same;
    context.fresh->id.clear();
    // Until register_outputs brings new ones; the stack's stay if the run fails.
    if (context.old != nullptr) context.fresh->outputs = context.old->outputs;
    events_.step(context.step(op, Step::Phase::begun));
    rpc::Registered registered = record(context, context.fresh, context.old);
    registered.outputs = Property(Property::Object{});
    events_.step(context.step(op, Step::Phase::done));
    return registered;
}

base::Result<rpc::Registered> Engine::process_provider(Context& context) {
    context.fresh->inputs = keep_secret(context.fresh->inputs, Property(), provider_secrets);
    for (const std::string& text : context.registration.additional_secret_outputs)
        TRY(PropertyPath::parse(text)).make_secret(context.fresh->inputs);
    secrets_.learn(context.fresh->inputs);
    const bool same = context.old != nullptr && settings_of(context.old->inputs) == settings_of(context.fresh->inputs);
    const Op op = context.old == nullptr ? Op::create : same ? Op::same : Op::update;
    if (!options_.preview && hooks_.can_keep_secrets && context.fresh->inputs.has_secrets()) TRY(hooks_.can_keep_secrets());
    if (context.fresh->id.empty()) context.fresh->id = hooks_.random->uuid();
    context.fresh->outputs = context.fresh->inputs;
    const std::string package(package_of(context.fresh->type));
    const std::string reference = context.urn + "::" + context.fresh->id;
    {
        const base::Lock lock(providers_mutex_);
        const Property configuration = settings_of(TRY(for_provider(context.fresh->inputs)));
        providers_[reference] = {TRY(make_provider(package, configuration)), reference};
    }
    Step begun = context.step(op, Step::Phase::begun);
    events_.step(begun);
    rpc::Registered registered = record(context, context.fresh, context.old);
    if (op != Op::same) TRY(persist());
    events_.step(context.step(op, Step::Phase::done));
    return registered;
}

base::Result<Property> Engine::checked_inputs(Context& context, const Property& olds, int attempt) {
    const rpc::Registration& registration = context.registration;
    if (context.old != nullptr && !context.old->external) {
        // What the provider chose for the program is chosen again, not taken for the program's own wish.
        Property olds_said = context.old->inputs;
        for (const Property& name : context.old->inputs["__defaults"].items()) olds_said.members().erase(name.as_string());
        olds_said.members().erase("__defaults");
        context.wanted = registration.inputs;
        for (const std::string& path : registration.ignore_changes)
            TRY(PropertyPath::parse(path)).copy(olds_said, context.wanted);
    }
    const Property news = TRY(for_provider(context.wanted));
    const std::string random =
        crypto::hex(crypto::sha256(options_.seed + "\n" + context.urn + "\n" + std::to_string(attempt))).substr(0, name_digits);
    provider::Checked checked = TRY(context.instance.provider->check(registration.type, registration.name, olds, news, random));
    if (!checked.failures.empty()) {
        std::string message = registration.type + " `" + registration.name + "` is not valid";
        base::Error error(base::code::InvalidInputs, message);
        if (checked.failures.size() == 1) {
            const auto& failure = checked.failures.front();
            error.message = registration.type + " `" + registration.name +
                            "`: " + (failure.property.empty() ? "" : failure.property + ": ") + failure.reason;
        } else {
            for (const auto& failure : checked.failures)
                error.notes.push_back((failure.property.empty() ? "" : failure.property + ": ") + failure.reason);
        }
        return base::fail(std::move(error));
    }
    context.inputs = checked.inputs;
    context.fresh->inputs = sealed(std::move(checked.inputs), context.wanted);
    return context.inputs;
}

base::Result<rpc::Registered> Engine::process_custom(Context& context) {
    const rpc::Registration& registration = context.registration;
    context.instance = TRY(provider_for(registration.type, registration.provider, registration.parent, registration.version));
    context.fresh->provider = context.instance.reference;
    provider::Provider& provider = *context.instance.provider;
    if (!provider.knows(registration.type)) {
        return base::fail(base::Error(base::code::NotSupported, registration.type + " is not supported")
                              .note("docs/up.md lists the resource types that are"));
    }
    const bool managed = context.old != nullptr && !context.old->external;
    if (!registration.import_id.empty() && (!managed || context.old->id != registration.import_id))
        return import_resource(context);
    const Property old_inputs = managed ? context.old->inputs.without_secrets() : Property();
    Property known = old_inputs;
    // A state that does not say what a provider chose: it stands in the outputs, if anywhere.
    if (managed && !old_inputs.contains("__defaults"))
        for (const auto& [key, value] : context.old->outputs.without_secrets().members())
            if (!known.contains(key)) known.set(key, value);
    TRY(checked_inputs(context, known, 0));
    if (!managed) return create(context, context.recreated ? Op::replace : Op::create);

    provider::Difference difference = TRY(
        provider.diff(registration.type, context.old->id, old_inputs, context.old->outputs.without_secrets(), context.inputs));
    for (const std::string& text : registration.ignore_changes) {
        const PropertyPath path = TRY(PropertyPath::parse(text));
        std::erase_if(difference.changed, [&](const std::string& key) { return path.covers(key); });
        std::erase_if(difference.replace, [&](const std::string& key) { return path.covers(key); });
    }
    for (const std::string& text : registration.replace_on_changes) {
        const PropertyPath path = TRY(PropertyPath::parse(text));
        for (const std::string& key : difference.changed) {
            // Only that property, so that a change of another one does not count for this path.
            const Property before(Property::Object{{key, old_inputs[key]}}), after(Property::Object{{key, context.inputs[key]}});
            const bool listed = std::ranges::find(difference.replace, key) != difference.replace.end();
            if ((path.covers(key) || path.differs(before, after)) && !listed) difference.replace.push_back(key);
        }
    }
    if (context.tainted) {
        difference.changed.emplace_back("taint");
        difference.replace.emplace_back("taint");
    }
    if (context.incomplete) difference.changed.emplace_back("initErrors");
    if (!difference.any()) return keep(context);
    if (difference.replace.empty()) return update(context, difference);
    return replace(context, difference);
}

base::Result<rpc::Registered> Engine::import_resource(Context& context) {
    const rpc::Registration& registration = context.registration;
    if (context.old != nullptr && !context.old->external)
        return base::fail(base::code::NotSupported, registration.type + " `" + registration.name +
                                                        "` is managed already, with the id `" + context.old->id + "`");
    context.fresh->id = registration.import_id;
    events_.step(context.step(Op::import, Step::Phase::begun));
    auto read = TRY(context.instance.provider->read(registration.type, registration.import_id, Property(), Property()));
    if (!read)
        return base::fail(base::code::NoSuchEntity,
                          "there is no " + registration.type + " `" + registration.import_id + "` to import");
    TRY(checked_inputs(context, read->inputs, 0));
    const provider::Difference difference =
        TRY(context.instance.provider->diff(registration.type, read->id, read->inputs, read->outputs, context.inputs));
    if (difference.any()) {
        return base::fail(base::Error(base::code::ImportDiffers,
                                      registration.type + " `" + registration.import_id +
                                          "` is not what the program says: " + base::join(difference.changed, ", ") + " differ")
                              .note("make the program's inputs match what exists, import, then change them"));
    }
    context.fresh->id = read->id;
    context.fresh->outputs = sealed(read->outputs, context.wanted, registration.additional_secret_outputs);
    rpc::Registered registered = record(context, context.fresh, context.old);
    TRY(persist());
    events_.step(context.step(Op::import, Step::Phase::done));
    return registered;
}

base::Result<Engine::Instance> Engine::provider_for(const std::string& type, const std::string& reference,
                                                    const std::string& parent, const std::string& version) {
    const std::string package(package_of(type));
    std::string wanted = reference;
    if (wanted.empty()) {
        const base::Lock lock(mutex_);
        const auto from = inherited_.find(parent);
        if (from != inherited_.end() && from->second.providers.contains(package)) wanted = from->second.providers.at(package);
    }
    if (wanted.empty()) return default_provider(package, version);
    const base::Lock lock(providers_mutex_);
    const auto found = providers_.find(wanted);
    if (found == providers_.end()) return base::fail(base::code::InvalidProvider, "there is no provider " + wanted);
    return found->second;
}

// Made and known to work: a preview of nothing but new resources would otherwise send no request
// anything, and promise what cannot be.
base::Result<std::shared_ptr<provider::Provider>> Engine::make_provider(const std::string& package,
                                                                        const Property& configuration) {
    auto made = TRY(hooks_.make_provider(package, configuration));
    if (configuration.has_unknowns()) return made;
    const std::pair known(package, configuration);
    // Said once, not for every resource: an error without words ends what it meets, too.
    if (std::ranges::find(unready_, known) != unready_.end()) return base::fail(base::code::NotReady, "");
    if (auto ready = made->ready(); !ready) {
        unready_.push_back(known);
        return base::fail(std::move(ready.error()));
    }
    return made;
}

base::Result<Engine::Instance> Engine::default_provider(const std::string& package, const std::string& version) {
    const base::Lock providers_lock(providers_mutex_);
    const std::string key = package + "@" + version;
    if (const auto found = providers_.find(key); found != providers_.end()) return found->second;

    std::string name = "default";
    for (char c : version.empty() ? std::string() : "_" + version) name += c == '.' || c == '+' || c == '-' ? '_' : c;
    auto resource = std::make_shared<Resource>();
    resource->type = "pulumi:providers:" + package;
    resource->urn = make_urn(options_.stack, options_.project, "", resource->type, name);
    resource->custom = true;
    Property inputs(Property::Object{});
    for (const auto& [config_key, text] : options_.config) {
        if (!config_key.starts_with(package + ":")) continue;
        const bool secret = std::ranges::find(options_.secret_keys, config_key) != options_.secret_keys.end();
        inputs.set(config_key.substr(package.size() + 1), secret ? Property::secret(Property(text)) : Property(text));
    }
    const Property configuration = inputs.without_secrets();
    if (!version.empty()) inputs.set("version", Property(version));
    inputs = keep_secret(std::move(inputs), Property(), provider_secrets);
    secrets_.learn(inputs);
    resource->inputs = inputs;
    resource->outputs = inputs;
    std::shared_ptr<provider::Provider> made = TRY(make_provider(package, configuration));
    Context context{.registration = {}, .urn = resource->urn, .fresh = resource};
    {
        const base::Lock lock(mutex_);
        seen_.insert(resource->urn);
        if (const auto old = old_by_urn_.find(resource->urn); old != old_by_urn_.end()) {
            context.old = old->second;
            old_by_urn_.erase(old);
        }
    }
    resource->id = context.old == nullptr ? hooks_.random->uuid() : context.old->id;
    resource->created = context.old == nullptr ? now_text() : context.old->created;
    resource->modified = resource->created;
    record(context, resource, context.old);
    Step step = context.step(context.old == nullptr ? Op::create : Op::same, Step::Phase::done);
    step.hidden = true;
    events_.step(step);
    Instance instance{std::move(made), resource->urn + "::" + resource->id};
    providers_[key] = instance;
    providers_[instance.reference] = instance;
    return instance;
}

// The provider of a resource in the state, configured as the state says.
base::Result<Engine::Instance> Engine::provider_of(const Resource& resource) {
    const base::Lock providers_lock(providers_mutex_);
    if (const auto found = providers_.find(resource.provider); found != providers_.end()) return found->second;
    const ProviderReference reference = parse_provider_reference(resource.provider);
    Property configuration(Property::Object{});
    {
        const base::Lock lock(mutex_);
        const auto use = [&](const Resource& candidate) {
            if (candidate.urn == reference.urn && candidate.id == reference.id)
                configuration = candidate.inputs.without_secrets();
        };
        for (const ResourcePtr& candidate : olds_) use(*candidate);
        for (const auto& candidate : news_) use(*candidate);
    }
    configuration = settings_of(configuration);
    const std::string package(package_of(resource.type));
    Instance instance{TRY(make_provider(package, configuration)), resource.provider};
    providers_[resource.provider] = instance;
    return instance;
}

}  // namespace deploy
