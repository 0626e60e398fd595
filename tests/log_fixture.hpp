// An audit log in a folder of its own, with a key, and records to put into it.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "audit/log.hpp"
#include "audit/verify.hpp"
#include "crypto/signing.hpp"
#include "temporary_folder.hpp"

namespace audit_test {

struct Fixture : TemporaryFolder {
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'700'000'000'123))};
    std::shared_ptr<const crypto::SigningKey> key = std::make_shared<const crypto::SigningKey>(crypto::SigningKey::make());
    audit::LogOptions options = [this] {
        audit::LogOptions out;
        out.directory = path + "/audit";
        out.key = key;
        out.head_file = path + "/head";
        out.clock = &clock;
        out.sync = audit::Sync::interval;
        out.clock_believed_after = std::chrono::milliseconds(0);  // tests move it by days
        return out;
    }();

    std::unique_ptr<audit::Log> open() { return std::move(audit::Log::open(options).value()); }

    std::string segment(uint64_t number, std::string_view stream = "requests") const {
        std::string digits = std::to_string(number);
        return options.directory + "/" + std::string(stream) + "-" + std::string(8 - digits.size(), '0') + digits + ".jsonl";
    }

    static std::string read(const std::string& file) {
        std::ifstream in(file, std::ios::binary);
        std::stringstream content;
        content << in.rdbuf();
        return std::move(content).str();
    }
    static void write(const std::string& file, const std::string& content) { std::ofstream(file, std::ios::binary) << content; }

    // The first finding; empty: the log is as it was written.
    std::string verified() const {
        audit::VerifyOptions verify{.directory = options.directory, .keys = {key->public_key()}, .heads = {}};
        if (std::filesystem::exists(options.head_file)) verify.heads = audit::read_heads(read(options.head_file)).value();
        const auto found = audit::verify(verify).value();
        for (const auto& stream : found.streams)
            if (!stream.finding.empty()) return stream.finding;
        return "";
    }
};

inline audit::Record allowed(const std::string& id) {
    audit::Record out;
    out.time = base::Time(std::chrono::milliseconds(1'700'000'000'123));
    out.request_id = id;
    out.service = "s3";
    out.operation = "GetObject";
    out.user_agent = "quote \" and \n newline";
    out.source_address = "192.0.2.1";
    out.principal.kind = policy::PrincipalKind::user;
    out.principal.arn = "arn:aws:iam::111122223333:user/ada";
    audit::DecidedAccess access;
    access.request.action = "s3:GetObject";
    access.request.resource = "arn:aws:s3:::b/k";
    access.request.context.set("aws:referer", "http://h/b/k?X-Amz-Signature=5ec3e7");
    access.decision.outcome = policy::Outcome::allow;
    out.accesses.push_back(access);
    return out;
}

inline audit::Record refused(const std::string& id) {
    audit::Record out = allowed(id);
    audit::DecidedAccess& access = out.accesses.front();
    access.decision.outcome = policy::Outcome::explicit_deny;
    access.decision.layer = policy::Layer::resource;
    access.decision.because.push_back(
        {policy::Layer::resource, "bucket policy of b", 2, {"NoAda", policy::Effect::deny, {7, 9}}});
    out.error_code = "AccessDenied";
    out.status = 403;
    return out;
}

}  // namespace audit_test
