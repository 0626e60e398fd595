// Images of every kind, made here with tar and sha256sum, unpacked and looked at.
#include "sandbox/image.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "crypto/digest.hpp"
#include "sandbox/layer.hpp"
#include "text/json.hpp"

namespace sandbox {
namespace {

namespace fs = std::filesystem;
using text::Json;

struct Folder {
    Folder() {
        char name[] = "/tmp/image-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    std::string path;
};

void shell(const std::string& line) {
    CAPTURE(line);
    REQUIRE(std::system(line.c_str()) == 0);
}

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

void write(const fs::path& path, const std::string& content) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
}

// An OCI layout at `path`, built as `docker buildx build -o type=oci` builds it.
struct Layout {
    std::string path;
    std::vector<Json> layers;

    explicit Layout(std::string where) : path(std::move(where)) {
        write(path + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    }
    Json add_blob(const std::string& content) const {
        std::string hex = crypto::hex(crypto::sha256(content));
        write(path + "/blobs/sha256/" + hex, content);
        return Json::object({{"digest", "sha256:" + hex}, {"size", static_cast<int64_t>(content.size())}});
    }
    // `script` makes the layer's files in its own folder.
    void add_layer(const std::string& script, const std::string& options = "-z") {
        std::string folder = path + ".layer";
        shell("rm -rf " + folder + " && mkdir " + folder + " && cd " + folder + " && " + script + " && tar --numeric-owner -c " +
              options + " -f ../layer.tar .");
        layers.push_back(add_blob(read(fs::path(path).parent_path() / "layer.tar")));
    }
    void finish(const std::string& tag = "") const {
        utsname machine{};
        REQUIRE(::uname(&machine) == 0);
        const bool is_arm = std::string_view(machine.machine) == "aarch64";
        auto config = Json::object({{"architecture", is_arm ? "arm64" : "amd64"},
                                    {"config", Json::object({{"Entrypoint", Json::array({"/bin/tool"})},
                                                             {"Cmd", Json::array({"--help"})},
                                                             {"WorkingDir", "/work"},
                                                             {"Env", Json::array({"PATH=/opt/tool:/bin", "EMPTY="})}})}});
        auto manifest = Json::object({{"config", add_blob(config.dump())}, {"layers", Json::array(layers)}});
        Json entry = add_blob(manifest.dump());
        if (!tag.empty()) entry.set("annotations", Json::object({{"org.opencontainers.image.ref.name", tag}}));
        write(path + "/index.json", Json::object({{"manifests", Json::array({entry})}}).dump());
    }
};

}  // namespace

TEST_CASE("an OCI layout becomes a root file system: layers in order, whiteouts, the owner's rights for all") {
    Folder folder;
    Layout layout(folder.path + "/images/team/tool:2");
    layout.add_layer(
        "mkdir -p bin etc/conf lib && echo one > bin/tool && chmod 700 bin/tool && echo a > etc/conf/a && echo b > etc/conf/b "
        "&& echo old > lib/old && ln bin/tool bin/hard && ln -s tool bin/soft && chmod 4755 bin/hard");
    layout.add_layer(
        "mkdir -p bin etc/conf lib && echo two > bin/tool2 && touch etc/conf/.wh.a lib/.wh..wh..opq && echo new > lib/new "
        "&& mkdir lib/replaced",
        "");
    layout.add_layer("mkdir lib && echo file > lib/replaced", "-J");
    layout.finish("2");
    Images images(folder.path + "/images", folder.path + "/cache");
    auto image = images.find("team/tool:2");
    REQUIRE_MESSAGE(image.has_value(), (image ? "" : image.error().message));
    fs::path root = image->root;
    CHECK(read(root / "bin/hard") == "one\n");
    CHECK(read(root / "bin/tool2") == "two\n");
    CHECK(fs::read_symlink(root / "bin/soft") == "tool");
    CHECK_FALSE(fs::exists(root / "etc/conf/a"));
    CHECK(read(root / "etc/conf/b") == "b\n");
    CHECK_FALSE(fs::exists(root / "lib/old"));
    CHECK(read(root / "lib/new") == "new\n");
    CHECK(read(root / "lib/replaced") == "file\n");
    struct stat info{};
    REQUIRE(::stat((root / "bin/hard").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0777);
    CHECK(image->entry_point == std::vector<std::string>{"/bin/tool"});
    CHECK(image->directory == "/work");
    CHECK(image->environment == std::vector<std::pair<std::string, std::string>>{{"PATH", "/opt/tool:/bin"}, {"EMPTY", ""}});
    // A second time nothing is unpacked: what is there is there.
    write(root / "mark", "still here");
    CHECK(read(fs::path(images.find("team/tool:2")->root) / "mark") == "still here");
}

TEST_CASE("archives: of a root file system, of a layout, of docker save; folders as they are") {
    Folder folder;
    std::string images_folder = folder.path + "/images";
    fs::create_directories(images_folder);
    shell("mkdir -p " + folder.path + "/root/bin && echo sh > " + folder.path + "/root/bin/sh && tar -C " + folder.path +
          "/root -czf " + images_folder + "/plain.tar.gz . && cp -r " + folder.path + "/root " + images_folder + "/folder");
    Layout layout(folder.path + "/layout");
    layout.add_layer("mkdir bin && echo layered > bin/sh");
    layout.finish();
    shell("tar -C " + layout.path + " -cf " + images_folder + "/layout.tar .");
    shell("mkdir -p " + folder.path + "/saved/abc && tar -C " + folder.path + "/root -cf " + folder.path +
          "/saved/abc/layer.tar . && cd " + folder.path +
          R"(/saved && echo '{"config":{"Entrypoint":["/bin/sh"]}}' > c.json && )" +
          R"(echo '[{"Config":"c.json","RepoTags":["x:1"],"Layers":["abc/layer.tar"]}]' > manifest.json && tar -cf )" +
          images_folder + "/saved:1.tar .");
    Images images(images_folder, folder.path + "/cache");
    auto content = [&](const std::string& name) {
        auto image = images.find(name);
        CAPTURE(name);
        REQUIRE_MESSAGE(image.has_value(), (image ? "" : image.error().message));
        return read(fs::path(image->root) / "bin/sh");
    };
    CHECK(content("plain") == "sh\n");
    CHECK(content("folder") == "sh\n");
    CHECK(images.find("folder")->root == images_folder + "/folder");
    CHECK(content("layout") == "layered\n");
    CHECK(content("saved:1") == "sh\n");
    CHECK(images.find("saved:1")->entry_point == std::vector<std::string>{"/bin/sh"});
    CHECK(images.find("host/python3")->root.empty());
    CHECK(images.find("host/python3:latest")->root.empty());
    CHECK(images.find("host/python").error().code == "ImageNotFound");
}

TEST_CASE("what is no image is refused, and names lead nowhere else") {
    Folder folder;
    std::string images_folder = folder.path + "/images";
    fs::create_directories(images_folder + "/empty");
    write(images_folder + "/text.tar", "not a tar");
    write(folder.path + "/secret.tar", "x");
    Layout broken(images_folder + "/broken");
    broken.add_layer("mkdir bin");
    broken.finish();
    for (const auto& entry : fs::recursive_directory_iterator(broken.path + "/blobs"))
        if (entry.is_regular_file()) std::ofstream(entry.path(), std::ios::app) << " ";
    Images images(images_folder, folder.path + "/cache");
    for (const char* name : {"../secret", "/etc/passwd", "a//b", ".", "a/../b", "", "nothing", "a b"}) {
        CAPTURE(name);
        CHECK(images.find(name).error().code == "ImageNotFound");
        CHECK(images.check(name).error().code == "ImageNotFound");
    }
    CHECK(images.find("empty").error().message.ends_with("is neither an OCI layout nor a root file system"));
    CHECK(images.find("text").error().code == "InvalidImage");
    CHECK(images.find("broken").error().message.ends_with("is not what its name says"));
    CHECK(fs::is_empty(folder.path + "/cache"));
}

TEST_CASE("a layer cannot write or delete outside of its root") {
    Folder folder;
    std::string victim = folder.path + "/victim";
    write(victim + "/kept", "kept");
    auto attempt = [&](const std::string& script, const std::string& options = "") {
        std::string root = folder.path + "/root";
        shell("rm -rf " + root + " " + folder.path + "/evil && mkdir -p " + root + " " + folder.path + "/evil && cd " +
              folder.path + "/evil && " + script + " && tar " + options + " -cPf ../evil.tar *");
        return apply_layer(folder.path + "/evil.tar", root);
    };
    // The link comes first, then something behind it.
    shell("mkdir -p " + folder.path + "/first && ln -sfn " + victim + " " + folder.path + "/first/a");
    auto behind = [&](const std::string& second) {
        shell("cd " + folder.path +
              "/first && tar -cf ../evil.tar a && rm -rf ../second && mkdir -p ../second/a && cd ../second && " + second +
              " && tar -rf ../evil.tar a/*");
        shell("rm -rf " + folder.path + "/root && mkdir " + folder.path + "/root");
        return apply_layer(folder.path + "/evil.tar", folder.path + "/root");
    };
    CHECK_FALSE(behind("echo x > a/new").has_value());
    CHECK_FALSE(fs::exists(victim + "/new"));
    CHECK_FALSE(attempt("echo x > y", "--transform s,y,../../victim/new,").has_value());
    CHECK_FALSE(fs::exists(victim + "/new"));
    auto absolute = attempt("echo x > y", "--transform s,y," + victim + "/new,");
    CHECK_FALSE(fs::exists(victim + "/new"));
    CHECK(absolute.has_value());  // it is inside the root, where `docker load` puts it too
    // A whiteout behind a link of a lower layer.
    shell("rm -rf " + folder.path + "/root && mkdir " + folder.path + "/root && ln -s " + victim + " " + folder.path +
          "/root/a && rm -rf " + folder.path + "/evil && mkdir -p " + folder.path + "/evil/a && touch " + folder.path +
          "/evil/a/.wh.kept && tar -C " + folder.path + "/evil -cf " + folder.path + "/evil.tar a/.wh.kept");
    CHECK_FALSE(apply_layer(folder.path + "/evil.tar", folder.path + "/root").has_value());
    CHECK(read(victim + "/kept") == "kept");
}

}  // namespace sandbox
