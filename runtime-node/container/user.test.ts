import { describe, expect, it } from "vitest";
import { resolveUser } from "./user.ts";

const FILES = {
  passwd: [
    "# local users",
    "root:x:0:0:root:/root:/bin/sh",
    "web:x:1000:1001:Web,,,:/srv/web:/bin/sh",
    "homeless:x:1002:1002:::/bin/sh",
    "broken:x:5",
    "",
  ].join("\n"),
  group: "root:x:0:\nweb:x:1001:\nstaff:x:50:web,other\nbadges:x:51:other,web\nvideo:x:44\n",
};
const EMPTY = { passwd: "", group: "" };

describe("the user of a process", () => {
  it.each([
    ["nobody is named: root", undefined, { uid: 0, gid: 0, groups: [], home: "/root" }],
    ["an empty name: root", "", { uid: 0, gid: 0, groups: [], home: "/root" }],
    ["a name, with its groups", "web", { uid: 1000, gid: 1001, groups: [50, 51], home: "/srv/web" }],
    ["a number that has a name", "1000", { uid: 1000, gid: 1001, groups: [50, 51], home: "/srv/web" }],
    ["a number that nobody has", "4242", { uid: 4242, gid: 0, groups: [], home: "/" }],
    ["a group of one's own choice, and then no other", "web:staff", { uid: 1000, gid: 50, groups: [], home: "/srv/web" }],
    ["a group by number", "web:4242", { uid: 1000, gid: 4242, groups: [], home: "/srv/web" }],
    ["a group alone", ":staff", { uid: 0, gid: 50, groups: [], home: "/root" }],
    ["an empty group: the user's own", "web:", { uid: 1000, gid: 1001, groups: [], home: "/srv/web" }],
    ["a group without members", "root:video", { uid: 0, gid: 44, groups: [], home: "/root" }],
    ["no home: /", "homeless", { uid: 1002, gid: 1002, groups: [], home: "/" }],
  ])("%s", (_, wanted, expected) => {
    expect(resolveUser(wanted, FILES)).toEqual(expected);
  });

  it("is root, or a number, in an image without /etc/passwd", () => {
    expect(resolveUser(undefined, EMPTY)).toEqual({ uid: 0, gid: 0, groups: [], home: "/" });
    expect(resolveUser("33:33", EMPTY)).toEqual({ uid: 33, gid: 33, groups: [], home: "/" });
  });

  it.each([
    ["nope", 'no user "nope"; it has root, web, homeless'],
    ["web:nope", 'no group "nope"; it has root, web, staff, badges, video'],
    ["-1", 'no user "-1"'],
    ["broken", 'no user "broken"'],
  ])("%s is refused, and what there is is listed", (wanted, message) => {
    expect(() => resolveUser(wanted, FILES)).toThrow(message);
  });
});
