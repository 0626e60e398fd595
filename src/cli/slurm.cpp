// `trainwarden slurm`: what slurm.conf's Prolog, TaskProlog and Epilog call on every machine of a cluster, so that a job that a
// user gave to Slurm with `--comment=role=ARN` holds the credentials of that role and no others (docs/slurm.md).
//
//     RUN/JOB.NODE/               root's, 0711
//         environment             the job's user's, 0400: what task-prolog prints for its tasks
//         session, lock           root's, 0600: the server's id of the session; slurm_session.hpp
//
// A job that may not have its role fails with the reason in its output. Nothing that concerns one job makes the prolog fail:
// Slurm takes a machine out of service whose prolog does.
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/slurm_session.hpp"
#include "cli/terminal.hpp"
#include "model/trainwarden/operations.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "wire/client.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

struct Options {
    std::string run = "/run/trainwarden/slurm";
};

// Everything that could give a task other credentials than its role's.
constexpr const char* other_credentials[] = {"AWS_ACCESS_KEY_ID",
                                             "AWS_SECRET_ACCESS_KEY",
                                             "AWS_SESSION_TOKEN",
                                             "AWS_SECURITY_TOKEN",
                                             "AWS_CREDENTIAL_EXPIRATION",
                                             "AWS_PROFILE",
                                             "AWS_DEFAULT_PROFILE",
                                             "AWS_ROLE_ARN",
                                             "AWS_WEB_IDENTITY_TOKEN_FILE",
                                             "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                             "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"};

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

base::Result<std::string> needed(const char* name) {
    std::string value = variable(name);
    if (value.empty())
        return base::fail(base::Error(base::code::NotInSlurm, std::string(name) + " is not set")
                              .note("Slurm calls this command: see Prolog, TaskProlog and Epilog in docs/slurm.md"));
    return value;
}

base::Result<std::string> folder_of_job(const Options& options) {
    const std::string job = TRY(needed("SLURM_JOB_ID"));
    if (job.find_first_not_of("0123456789") != std::string::npos)
        return base::fail(base::code::NotInSlurm, "SLURM_JOB_ID is not a number");
    return options.run + "/" + job + "." + variable("SLURMD_NODENAME");
}

base::Result<void> write_file(const std::string& path, const std::string& content, mode_t mode, uid_t owner) {
    const os::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (file.is_open() && os::write_all(file.number(), content, path) &&
        ::fchown(file.number(), owner, static_cast<gid_t>(-1)) == 0)
        return {};
    return base::fail(base::code::SlurmSessionFailed, "cannot write `" + path + "`: " + std::strerror(errno));
}

// The ARN in a comment like `role=arn:aws:iam::111122223333:role/R`; other words may be beside it.
std::string role_in(const std::string& comment) {
    constexpr std::string_view sign = "role=";
    std::istringstream words(comment);
    for (std::string word; words >> word;)
        if (word.starts_with(sign)) return word.substr(sign.size());
    return "";
}

// The controller's word for it: the job's own environment is its user's to write.
base::Result<std::string> comment_of(const std::string& job) {
    os::SpawnOptions options;
    options.arguments = {"squeue", "--noheader", "--states=all", "--jobs=" + job, "--format=%k"};
    options.error_to_output = true;
    const auto squeue = TRY(os::run(std::move(options), std::chrono::seconds(30)));
    if (!squeue.status.success())
        return base::fail(base::code::SlurmSessionFailed, "squeue does not tell the job's comment: " + squeue.output);
    return squeue.output;
}

// The lines that task-prolog prints, in TaskProlog's own language.
std::string environment_lines(const SlurmSessionHere& session) {
    std::string lines;
    for (const char* name : other_credentials) lines += std::string("unset ") + name + "\n";
    const auto set = [&](const std::string& name, const std::string& value) { lines += "export " + name + "=" + value + "\n"; };
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", session.credentials_uri);
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", session.token);
    // The user's own keys in ~/.aws would come first.
    set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    set("AWS_CONFIG_FILE", "/dev/null");
    set("AWS_EC2_METADATA_DISABLED", "true");
    if (const std::string endpoint = variable("AWS_ENDPOINT_URL"); !endpoint.empty()) set("AWS_ENDPOINT_URL", endpoint);
    // Half of the SDKs read one name, half the other.
    std::string region = variable("AWS_REGION");
    if (region.empty()) region = variable("AWS_DEFAULT_REGION");
    for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"})
        if (!region.empty()) set(name, region);
    return lines;
}

base::Result<void> begin_session(const std::string& folder, const std::string& comment, uid_t user) {
    const std::string role = role_in(comment);
    if (role.empty()) return {};
    std::error_code error;
    fs::create_directories(folder, error);
    if (error || ::chmod(folder.c_str(), 0711) != 0)
        return base::fail(base::code::SlurmSessionFailed, "cannot make the folder `" + folder + "`");
    const passwd* entry = ::getpwuid(user);
    const std::string name = entry == nullptr ? variable("SLURM_JOB_USER") : entry->pw_name;
    const std::string job = TRY(needed("SLURM_JOB_ID"));
    auto session = leave_slurm_session({job, name, role}, folder + "/lock");
    if (!session) {
        const Text told(session.error().message);
        print("job " + Text(job) + " of " + name + " may not have " + role + ": " + told + "\n", stderr);
        // One line: TaskProlog would obey a second one.
        return write_file(folder + "/environment", "print trainwarden: " + told.string() + "\n", 0400, user);
    }
    TRY(write_file(folder + "/session", session->session, 0600, ::getuid()));
    return write_file(folder + "/environment", environment_lines(*session), 0400, user);
}

base::Result<int> prolog(const Options& options) {
    const std::string job = TRY(needed("SLURM_JOB_ID"));
    const auto user = static_cast<uid_t>(std::strtoul(TRY(needed("SLURM_JOB_UID")).c_str(), nullptr, 10));
    const std::string folder = TRY(folder_of_job(options));
    const std::string comment = TRY(comment_of(job));
    TRY(begin_session(folder, comment, user));
    return 0;
}

// As the job's user. A job without a role has no file.
base::Result<int> task_prolog(const Options& options) {
    const std::string path = TRY(folder_of_job(options)) + "/environment";
    if (std::error_code error; !fs::exists(path, error)) return 0;
    std::ifstream file(path);
    std::ostringstream lines;
    lines << file.rdbuf();
    if (!file) return base::fail(base::code::SlurmSessionFailed, "cannot read `" + path + "`");
    print_exact(lines.str());
    return lines.str().starts_with("print ") ? 1 : 0;
}

base::Result<int> epilog(const Options& options) {
    const std::string folder = TRY(folder_of_job(options));
    std::error_code error;
    if (!fs::exists(folder, error)) return 0;
    TRY(end_slurm_session(folder + "/lock"));
    std::ifstream file(folder + "/session");
    std::string session;
    file >> session;
    fs::remove_all(folder, error);
    if (session.empty()) return 0;
    wire::Client client(TRY(wire::options_from_environment()));
    // A server that is away keeps the session until its credentials expire: no reason to take the machine out of service.
    if (auto closed = client.call<model::trainwarden::CloseSlurmSession>({.session_id = session}); !closed)
        print("the session of job " + Text(variable("SLURM_JOB_ID")) + " stays open until it expires: " + closed.error().message +
                  "\n",
              stderr);
    return 0;
}

}  // namespace

void add_slurm(Command& root) {
    Command slurm = root.subcommand("slurm", "For slurm.conf: jobs of a Slurm cluster that hold a role (docs/slurm.md)");
    const auto add = [&](const char* name, const char* help, base::Result<int> (*action)(const Options&),
                         bool asks_server = true) {
        auto options = std::make_shared<Options>();
        Command command = slurm.subcommand(name, help);
        if (asks_server) command.asks_server();
        command.option("--run", "DIR", options->run, "where a machine keeps what its jobs hold");
        command.action([options, action] { return action(*options); });
    };
    add("prolog", "As root, before a job: a session of the role that its comment names", prolog);
    add("task-prolog", "As the job's user, before each task: the environment that has the role's credentials", task_prolog,
        false);
    add("epilog", "As root, after a job: its credentials end", epilog);
}

}  // namespace cli
