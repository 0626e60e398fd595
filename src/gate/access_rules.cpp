#include "gate/access_rules.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/invariant.hpp"
#include "gate/add_access.hpp"
#include "model/scalar.hpp"
#include "policy/reference.hpp"

namespace gate {
namespace {

using base::Result;
using model::Path;
using model::Shape;
using policy::Context;
using policy::PrincipalKind;

struct Value {
    const Shape* shape;
    const void* place;
};
using Visit = std::function<void(Value)>;

void each_value(Value at, Path path, const Visit& visit);

void each_in_field(Value at, const model::Step& step, Path rest, const Visit& visit) {
    const void* const found = model::find_known(*step.field, at.place);
    if (found == nullptr) return;
    const Shape& shape = *step.field->shape;
    if (shape.type == model::Type::map) {
        for (size_t i = 0; i < shape.map->size(found); ++i) {
            const auto [key, value] = shape.map->entry(found, i);
            if (key == step.entry) each_value({shape.item, value}, rest, visit);
        }
    } else {
        each_value({&shape, found}, rest, visit);
    }
}

// Every value that the path leads to. A list, wherever it stands, stands for its items.
void each_value(Value at, Path path, const Visit& visit) {
    if (at.shape->type == model::Type::list) {
        for (size_t i = 0; i < at.shape->list->size(at.place); ++i)
            each_value({at.shape->item, at.shape->list->item(at.place, i)}, path, visit);
    } else if (path.empty()) {
        visit(at);
    } else {
        each_in_field(at, path.front(), path.subspan(1), visit);
    }
}

std::string text_of(Value value) {
    INVARIANT(value.shape->is_scalar());
    // As conditions of type Bool and String compare it.
    return model::scalar_text(*value.shape, value.place);
}

class Rules {
public:
    Rules(const model::Operation& operation, const void* input, const RequestOrigin& asking,
          std::span<const model::ValueFunction> functions)
        : operation_(operation), input_(input), asking_(asking), functions_(functions) {}

    Result<RuledAccesses> run() {
        INVARIANT(operation_.accesses != nullptr);
        for (const auto& rule : operation_.accesses->rules) {
            if (!is_needed(rule)) continue;
            if (rule.when_absent && first_.existence != Existence::absent) continue;
            TRY(add(rule));
        }
        return RuledAccesses{std::move(accesses_), first_.found};
    }

private:
    Result<void> add(const model::AccessRule& rule) {
        const std::string_view action = action_of(rule);
        Context keys;
        if (rule.resource == model::AccessRule::Resource::first) keys = first_keys_;
        for (const auto& key : rule.keys) TRY(add_key(key, keys));
        if (rule.resource == model::AccessRule::Resource::first) {
            accesses_.push_back(access_to(action, first_, keys));
            return {};
        }
        Description resource = TRY(described(rule, action, keys));
        if (!accesses_.empty() || !has_rules_like_first()) {
            if (accesses_.empty()) {
                first_.existence = resource.existence;
                first_.found = resource.found;
            }
            add_access(accesses_, action, std::move(resource), keys);
            return {};
        }
        accesses_.push_back(access_to(action, resource, keys));
        first_ = std::move(resource);
        first_keys_ = std::move(keys);
        return {};
    }

    Result<Description> described(const model::AccessRule& rule, std::string_view action, const Context& keys) {
        if (rule.resource == model::AccessRule::Resource::none) return Description{.arn = "*"};
        const std::string& account = asking_.caller.principal.account;
        std::string arn;
        if (!rule.or_caller.empty() && !is_given(rule.or_caller)) {
            const auto kind = asking_.caller.principal.kind;
            if (kind != PrincipalKind::user && kind != PrincipalKind::root)
                return base::fail(std::string(rule.other_code), std::string(rule.other_message));
            arn = asking_.caller.principal.arn;
        } else {
            arn = TRY(filled(rule.arn));
        }
        if (rule.resource == model::AccessRule::Resource::text) return Description{.arn = std::move(arn)};
        if (rule.resource == model::AccessRule::Resource::made) return asking_.describer.plan(arn, action, account);
        return asking_.describer.find(arn, action, account,
                                      accesses_.empty() ? actions_like_first() : std::vector<std::string_view>(), &keys);
    }

    [[nodiscard]] bool has_rules_like_first() const {
        return std::ranges::any_of(operation_.accesses->rules,
                                   [](const auto& rule) { return rule.resource == model::AccessRule::Resource::first; });
    }

    // Of the rules whose resource is the first one's, those that this input needs.
    [[nodiscard]] std::vector<std::string_view> actions_like_first() const {
        std::vector<std::string_view> actions;
        for (const auto& rule : operation_.accesses->rules)
            if (rule.resource == model::AccessRule::Resource::first && is_needed(rule)) actions.push_back(action_of(rule));
        return actions;
    }

    [[nodiscard]] bool is_needed(const model::AccessRule& rule) const { return rule.when.empty() || is_given(rule.when); }

    [[nodiscard]] std::string_view action_of(const model::AccessRule& rule) const {
        std::string_view action = rule.action.text;
        for (const auto& other : rule.with)
            if (is_given(other.given)) action = other.action.text;
        return action;
    }

    // A member that is not absent; a list that is not empty.
    [[nodiscard]] bool is_given(Path path) const {
        bool given = false;
        each_value({operation_.input, input_}, path, [&](Value) { given = true; });
        return given;
    }

    // nullopt: absent. Of a list, its first.
    [[nodiscard]] std::optional<std::string> text_at(Path path) const {
        std::optional<std::string> text;
        if (!path.empty())
            each_value({operation_.input, input_}, path, [&](Value value) {
                if (!text) text = text_of(value);
            });
        return text;
    }

    Result<model::NamedValues> call(const model::FunctionCall& function) const {
        INVARIANT(function.function < functions_.size());
        std::vector<std::optional<std::string>> arguments;
        for (const Path& argument : function.arguments) arguments.push_back(text_at(argument));
        return functions_[function.function]({asking_.caller.principal.account, asking_.region}, arguments);
    }

    Result<std::string> filled(model::Template pieces) const {
        std::string out;
        for (const auto& part : pieces) {
            switch (part.kind) {
                case model::Part::Kind::text:
                    out += part.text;
                    break;
                case model::Part::Kind::member:
                    out += text_at(part.path).value_or(std::string(part.text));
                    break;
                case model::Part::Kind::account:
                    out += asking_.caller.principal.account;
                    break;
                case model::Part::Kind::region:
                    out += asking_.region;
                    break;
                case model::Part::Kind::call:
                    for (const auto& [name, value] : TRY(call(part.call))) out += value;
                    break;
            }
        }
        return out;
    }

    Result<void> add_key(const model::KeyRule& rule, Context& keys) const {
        model::NamedValues found;
        for (const auto& source : rule.sources) {
            if (source.call.function != model::FunctionCall::none) {
                for (auto& one : TRY(call(source.call))) found.push_back(std::move(one));
            } else if (!source.text.empty()) {
                found.emplace_back("", TRY(filled(source.text)));
            } else {
                each_value({operation_.input, input_}, source.path, [&](Value value) { add_value(source, value, found); });
            }
        }
        if (found.empty() && rule.has_otherwise) found.emplace_back("", std::string(rule.otherwise));
        if (found.empty()) return {};
        if (!rule.has_names && policy::key_holds_list(rule.key)) {
            std::vector<std::string> values;
            for (auto& [name, value] : found) values.push_back(std::move(value));
            keys.set_list(rule.key, std::move(values));
            return {};
        }
        // One with several values is ambiguous (policy/request.hpp), and nothing may decide for one of them.
        for (auto& [name, value] : found) keys.set(std::string(rule.key) + (rule.has_names ? name : ""), std::move(value));
        return {};
    }

    static void add_value(const model::KeySource& source, Value value, model::NamedValues& found) {
        if (source.name == nullptr) {
            found.emplace_back("", text_of(value));
            return;
        }
        const void* const name = model::find_known(*source.name, value.place);
        const void* const of_name = model::find_known(*source.value, value.place);
        found.emplace_back(name != nullptr ? text_of({source.name->shape, name}) : std::string(),
                           of_name != nullptr ? text_of({source.value->shape, of_name}) : std::string());
    }

    const model::Operation& operation_;
    const void* input_;
    const RequestOrigin& asking_;
    std::span<const model::ValueFunction> functions_;
    std::vector<Access> accesses_;
    Description first_;
    Context first_keys_;
};

}  // namespace

Result<RuledAccesses> accesses_by_rules(const model::Operation& operation, const void* input, const RequestOrigin& asking,
                                        std::span<const model::ValueFunction> functions) {
    return Rules(operation, input, asking, functions).run();
}

}  // namespace gate
