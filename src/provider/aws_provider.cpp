// The life of a resource, the same for every type: check, diff, create, read, update, remove.
//
// Invariants:
//   1. Outputs always come from a read of what AWS holds, never from what was sent; only secrets that AWS shows once are kept.
//   2. A document or list that means what the program said keeps the program's text, so nothing looks changed that is not.
//   3. create is all or nothing: what was made before a failure is taken away again, or the error says that it stayed.
//   4. Secrets come in and go out as secrets; the functions of a type see plain values.

#include "provider/aws_provider.hpp"

#include <algorithm>
#include <map>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "provider/functions.hpp"
#include "provider/schema.hpp"

namespace provider {

using base::fail;
using base::Result;
using Kind = Property::Kind;

namespace {

// `b` over `a`, member by member.
Property merged(const Property& a, const Property& b) {
    Property result = a.is(Kind::object) ? a : Property(Property::Object{});
    for (const auto& [key, value] : b.members())
        if (key != "__defaults") result.set(key, value);
    return result;
}

class AwsProvider final : public Provider {
public:
    AwsProvider(AwsOptions options, Connect connect, Sleep sleep)
        : aws_(std::move(options), std::move(connect), std::move(sleep)) {
        for (const ResourceType& type : resource_types())
            for (const std::string& token : type.tokens) types_.emplace(token, &type);
    }

    Result<void> ready() override { return aws_.check_access(); }

    bool knows(std::string_view type) const override { return types_.contains(type); }

    Result<Checked> check(std::string_view token, std::string_view name, const Property& olds, const Property& news,
                          std::string_view random_hex) override {
        const ResourceType* type = TRY(find(token));
        return check_inputs(*type, token, name, olds, news, random_hex,
                            {.strict_names = aws_.strict_names(), .judge_policies = !aws_.is_aws_itself()});
    }

    Result<Difference> diff(std::string_view token, const std::string&, const Property& old_inputs, const Property& old_outputs,
                            const Property& new_inputs) override {
        const ResourceType* type = TRY(find(token));
        Property olds = inputs_in_full(*type, old_inputs, old_outputs, new_inputs);
        Property news = new_inputs;
        // A provider of another region cannot change what lies in this one: it has to move.
        const std::string region = plain(old_outputs)["region"].as_string();
        if (has_region(*type) && !region.empty() && !news.contains("region") && region != aws_.region()) {
            olds.set("region", region);
            news.set("region", aws_.region());
        }
        return compare_inputs(*type, olds, news);
    }

    Result<std::vector<std::string>> holds(std::string_view token, const std::string& id, const Property& properties) override {
        const ResourceType* type = TRY(find(token));
        Property known = plain(properties);
        std::erase_if(known.members(), [](const auto& member) { return member.second.has_unknowns(); });
        // Ids of one thing may differ: Pulumi gives an attachment a number where we name its role and policy.
        std::string named = type->id != nullptr && is_named(*type, known) ? type->id(known, known) : "";
        if (named.empty()) named = id;
        std::vector<std::string> things;
        if (!named.empty()) things.push_back(held_thing(type->tokens.front(), named));
        if (type->declares) type->declares(known, things);
        if (things.empty()) return things;
        const std::string place = aws_.place();
        for (std::string& thing : things) thing = place + " " + thing;
        return things;
    }

    Result<std::string> unique_name(std::string_view token, const Property& properties) override {
        const ResourceType* type = TRY(find(token));
        if (!type->unique_name || !type->name) return std::string();
        const Property known = plain(properties);
        const std::string name = base::lower(known[type->name->property].as_string());
        return name.empty() ? name : aws_.place() + " " + held_thing(type->tokens.front(), name);
    }

    Result<State> create(std::string_view token, const Property& inputs, bool preview) override {
        const ResourceType* type = TRY(find(token));
        if (preview) return foreseen(*type, inputs);
        const Property given = plain(inputs);
        const auto turn = serialise(*type, given);
        State state = TRY(type->create(aws_, given));
        // At AWS what was made a moment ago may not be there yet.
        auto live = aws_.wait_for([&] { return type->read(aws_, state.id, given); });
        if (live && !*live) live = fail(base::code::NotFound, "`" + state.id + "` was created, but is not there");
        if (!live) {
            auto error = std::move(live).error();
            if (!type->remove(aws_, state.id, merged(given, state.outputs)))
                error.notes.push_back("`" + state.id + "` was made and could not be removed again");
            return fail(std::move(error));
        }
        // Without a value it was made an error above
        state.outputs = settle_outputs(*type, merged(**live, state.outputs), inputs);
        return state;
    }

    Result<State> update(std::string_view token, const std::string& id, const Property& old_outputs, const Property& new_inputs,
                         bool preview) override {
        const ResourceType* type = TRY(find(token));
        const Property known = known_after(*type, old_outputs, new_inputs);
        if (preview) {
            Property outputs = known;
            for (const std::string& name : type->computed_by_update) outputs.set(name, Property::unknown());
            set_tags_all(*type, outputs);
            return State{id, outputs};
        }
        const auto turn = serialise(*type, plain(known));
        Property told{Property::Object{}};
        if (type->renew)
            told = TRY(type->renew(aws_, id, plain(old_outputs), plain(new_inputs)));
        else if (type->update)
            TRY(type->update(aws_, id, plain(old_outputs), plain(new_inputs)));
        const auto live = TRY(type->read(aws_, id, plain(known)));
        if (!live)
            return fail(base::code::NotFound,
                        "`" + id + "` is gone: run `trainwarden refresh`, then `trainwarden up` makes it again");
        return State{id, settle_outputs(*type, merged(*live, told), known)};
    }

    Result<std::optional<ReadState>> read(std::string_view token, const std::string& id, const Property& inputs,
                                          const Property& outputs) override {
        const ResourceType* type = TRY(find(token));
        const Property known = merged(outputs, inputs);
        auto live = TRY(type->read(aws_, id, plain(known)));
        if (!live) return std::nullopt;
        const Property settled = settle_outputs(*type, std::move(*live), known);
        return ReadState{id, inputs_from_outputs(*type, inputs, settled), settled};
    }

    Result<void> remove(std::string_view token, const std::string& id, const Property& outputs) override {
        const ResourceType* type = TRY(find(token));
        const Property olds = plain(outputs);
        const auto turn = serialise(*type, olds);
        return type->remove(aws_, id, olds);
    }

    Result<Property> invoke(std::string_view token, const Property& arguments) override {
        return invoke_function(aws_, token, arguments);
    }

private:
    Result<const ResourceType*> find(std::string_view token) const {
        const auto found = types_.find(token);
        if (found == types_.end())
            return fail("unsupported", "unsupported: this provider has no resource type `" + std::string(token) + "`");
        return found->second;
    }

    // Are the properties known that make an id?
    static bool is_named(const ResourceType& type, const Property& known) {
        if (type.name && known[type.name->property].as_string().empty()) return false;
        return std::ranges::all_of(type.rules, [&](const Rule& rule) {
            return !rule.required || !rule.replaces || !known[rule.name].as_string().empty();
        });
    }

    static bool has_region(const ResourceType& type) {
        return std::ranges::find(type.rules, "region", &Rule::name) != type.rules.end();
    }

    std::unique_lock<base::Mutex> serialise(const ResourceType& type, const Property& properties) {
        if (type.serialised_kind.empty()) return {};
        return aws_.serialise(type.serialised_kind + "/" + properties[type.serialised_by].as_string());
    }

    // What creation will give, before it happens.
    State foreseen(const ResourceType& type, const Property& inputs) {
        Property outputs = merged({}, inputs);
        for (const std::string& name : type.computed)
            if (!outputs.contains(name)) outputs.set(name, Property::unknown());
        for (const std::string& name : type.secrets_shown_once) outputs.set(name, Property::secret(Property::unknown()));
        if (type.predict) type.predict(aws_, plain(inputs), outputs);
        set_tags_all(type, outputs);
        std::string id;
        if (type.id != nullptr && !inputs.has_unknowns()) id = type.id(plain(inputs), outputs);
        return {std::move(id), std::move(outputs)};
    }

    static void set_tags_all(const ResourceType& type, Property& outputs) {
        if (std::ranges::find(type.computed, "tagsAll") == type.computed.end()) return;
        outputs.set("tagsAll", outputs.contains("tags") ? outputs["tags"] : Property(Property::Object{}));
    }

    // Old outputs with the new inputs over them; what the program no longer says, and the service did not choose, falls away.
    static Property known_after(const ResourceType& type, const Property& old_outputs, const Property& new_inputs) {
        Property known = merged({}, old_outputs);
        for (const Rule& rule : type.rules)
            if (!rule.computed && !new_inputs.contains(rule.name)) known.members().erase(rule.name);
        return merged(known, new_inputs);
    }

    Aws aws_;
    std::map<std::string, const ResourceType*, std::less<>> types_;
};

}  // namespace

std::unique_ptr<Provider> make_aws_provider(AwsOptions options, Connect connect, Sleep sleep) {
    return std::make_unique<AwsProvider>(std::move(options), std::move(connect), std::move(sleep));
}

}  // namespace provider
