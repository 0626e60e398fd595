// A record as it is shown (`RequestRecord` of models/trainwarden.service-2.json), read once into what questions and events ask of it. The
// names of its members stand here and nowhere else: `member`, for who writes them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.hpp"
#include "text/json.hpp"

namespace audit {

namespace member {

inline constexpr char access_key_id[] = "AccessKeyId";
inline constexpr char accesses[] = "Accesses";
inline constexpr char answered[] = "Answered";
inline constexpr char error_code[] = "ErrorCode";
inline constexpr char error_message[] = "ErrorMessage";
inline constexpr char made[] = "Made";
inline constexpr char note[] = "Note";
inline constexpr char operation[] = "Operation";
inline constexpr char outcome[] = "Outcome";
inline constexpr char parameters[] = "Parameters";
inline constexpr char principal[] = "Principal";
inline constexpr char repeated[] = "Repeated";
inline constexpr char request_id[] = "RequestId";
inline constexpr char service[] = "Service";
inline constexpr char session_name[] = "SessionName";
inline constexpr char since[] = "Since";
inline constexpr char source_address[] = "SourceAddress";
inline constexpr char status[] = "Status";
inline constexpr char time[] = "Time";
inline constexpr char unreadable[] = "Unreadable";
inline constexpr char user_agent[] = "UserAgent";

// Of a principal, whose Service is a service principal.
inline constexpr char type[] = "Type";
inline constexpr char arn[] = "Arn";
inline constexpr char account[] = "Account";
inline constexpr char id[] = "Id";
inline constexpr char role_arn[] = "RoleArn";

// Of an access; those of its statements are record_json.cpp's.
inline constexpr char action[] = "Action";
inline constexpr char resource[] = "Resource";
inline constexpr char resource_account[] = "ResourceAccount";
inline constexpr char context[] = "Context";

}  // namespace member

// Points into the record, which must outlive it. What is not there is empty.
struct RecordView {
    explicit RecordView(const text::Json& record);

    struct Principal {
        // nullopt: it is not known who it was, which is another thing than anonymous.
        std::optional<policy::PrincipalKind> kind;
        std::string_view type, arn, account, id, role_arn, service;
    };
    struct Access {
        std::string_view action, resource, resource_account;
        const text::Json* context = nullptr;
    };

    std::string_view time, request_id, service, operation, source_address, user_agent, access_key_id, session_name;
    std::string_view outcome, error_code, error_message;
    std::string_view parameters, made;  // JSON objects
    std::string_view note, unreadable;
    bool is_unreadable = false;  // what cannot be read may be empty
    int64_t status = -1;         // 0: nothing was answered; a service decided it
    std::optional<int64_t> repeated;
    Principal principal;
    std::vector<Access> accesses;

    // The first value of a condition key, in small letters, of the first access.
    [[nodiscard]] std::string_view key(std::string_view name) const;
    // An IAM user's name, a session's name, `root`.
    [[nodiscard]] std::string_view user_name() const;
    // The bucket or object that a request of S3 named, where nothing was decided on it. Its ARN.
    [[nodiscard]] std::string named_resource() const;
};

// The same of a record that is being written.
[[nodiscard]] std::string named_resource(std::string_view service, std::string_view parameters);

// As `Type` of a principal says it. nullopt: none is called so.
[[nodiscard]] std::optional<policy::PrincipalKind> principal_kind_named(std::string_view type);

}  // namespace audit
