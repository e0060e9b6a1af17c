// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sessions, and descriptors that `atomikctl` inherits.

use atomik::{
    Device,
    session::{SessionError, SessionName, Sessions},
};
use atomik_test_support::{
    fdinfo,
    tool::{Ran, Tool, finish},
};
use nix::{
    sys::{
        signal::{Signal, kill},
        socket::{ControlMessageOwned, MsgFlags, recvmsg},
    },
    unistd::Pid,
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, IoSliceMut},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{net::UnixDatagram, process::ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

#[test]
fn tables_stay_from_one_command_to_the_next() {
    let tool = Tool::with_session();
    assert_eq!(tool.run("-s s create 16").ok(), "table 1\n");
    assert_eq!(tool.run("-s s load 0 0xcafebabe").ok(), "");
    assert_eq!(tool.run("-s s accum 0 1").ok(), "");
    assert_eq!(tool.run("-s s read 0").ok(), "0x00000000cafebabf\n");
    assert_eq!(tool.run("session stop s").ok(), "");
    tool.run("-s s read 0")
        .failed(3, &["no session 's'", "hint: ", "session start s"]);
}

#[test]
fn an_inherited_descriptor() {
    let tool = Tool::new();
    let script = "exec 3<>/dev/atomik; set -e
        atomikctl --fd 3 create 256
        atomikctl --fd 3 accum 0 0xff
        atomikctl --fd 3 accum 0 1
        atomikctl --fd 3 read 0";
    assert_eq!(tool.shell(script).ok(), "table 1\n0x00000000000000fe\n");
    tool.run("--fd 77 list")
        .failed(3, &["descriptor 77 is not open", "hint: "]);
    let script = "exec 3</dev/null; atomikctl --fd 3 list";
    tool.shell(script).failed(3, &["is not an atomik device"]);
    // Another descriptor may be of a file opened for reading only.
    let script = "exec 3</dev/atomik; atomikctl --fd 3 create 1";
    tool.shell(script)
        .failed(1, &["doesn't give the right to", "hint: "]);
}

#[test]
fn a_table_that_would_end_at_once_is_not_made() {
    let tool = Tool::new();
    for words in [
        "create 4",
        "read 0",
        "load 0 1",
        "list",
        "dump",
        "destroy 1",
    ] {
        tool.run(words)
            .failed(2, &["which open file?", "hint: ", "session start"]);
    }
}

#[test]
fn one_name_one_session() {
    let tool = Tool::with_session();
    tool.run("session start s")
        .failed(1, &["there is a session 's' already", "hint: "]);
    assert_eq!(tool.run("-s s create 4").ok(), "table 1\n");
    // Another name, other tables.
    tool.run("session start other").ok();
    assert_eq!(tool.run("-s other list").ok(), "");
    for name in ["", ".x", "a/b", "-x"] {
        let mut command = tool.command("atomikctl");
        command.args(["session", "start", "--", name]);
        finish(command, b"").failed(2, &["error: "]);
    }
}

fn listed(tool: &Tool) -> Vec<Value> {
    let lines = tool.run("--json session list").ok();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_holder_that_was_killed_is_noticed_and_replaced() {
    let tool = Tool::with_session();
    tool.run("-s s create 100").ok();
    let [row] = &listed(&tool)[..] else {
        panic!("one session")
    };
    assert_eq!(
        (&row["session"], &row["state"]),
        (&"s".into(), &"live".into())
    );
    assert_eq!((&row["tables"], &row["contexts"]), (&1.into(), &100.into()));
    let pid = row["pid"].as_i64().unwrap() as i32;
    // It has left the terminal: nobody waits for it but init.
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    while tool.run("-s s list").status == 0 {}
    assert_eq!(listed(&tool)[0]["state"], "stale");
    tool.run("-s s list")
        .failed(3, &["no session 's': its holder has ended"]);
    tool.run("session start s").ok();
    assert_eq!(tool.run("-s s list").ok(), "");
    assert_eq!(listed(&tool)[0]["state"], "live");
}

/// The files that a process has open, sorted.
fn open_files(pid: i32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let target = |entry: std::io::Result<std::fs::DirEntry>| {
        let target = std::fs::read_link(entry.unwrap().path()).unwrap();
        // The number of a socket or pipe says nothing.
        target.to_str().unwrap().split(':').next().unwrap().into()
    };
    let mut targets: Vec<String> = entries.map(target).collect();
    targets.sort();
    targets
}

/// The holder keeps no lock, pipe or table of the process that started it.
#[test]
fn a_holder_has_what_it_needs_and_no_more() {
    let tool = Tool::new();
    let script = "exec 5>lock 6<>/dev/atomik 7<&0; atomikctl session start s";
    tool.shell(script).ok();
    let null = "/dev/null";
    let expected = ["/dev/atomik", null, null, null, "socket"];
    assert_eq!(open_files(holder(&tool).as_raw()), expected);
}

#[test]
fn a_runtime_directory_of_another_user_is_left_alone() {
    let tool = Tool::new();
    let name = format!("su-{}", std::process::id());
    // The state that `su` leaves.
    let script = format!(
        "mkdir theirs && chown 1000:1000 theirs && export XDG_RUNTIME_DIR=$PWD/theirs
        atomikctl session list >/dev/null && atomikctl session start {name} && ls -A theirs
        atomikctl -s {name} create 3 && atomikctl session stop {name}"
    );
    assert_eq!(tool.shell(&script).ok(), "table 1\n");
}

#[test]
fn looking_for_sessions_makes_nothing() {
    let tool = Tool::new();
    assert_eq!(tool.run("session list").ok(), "");
    tool.run("session stop s").failed(3, &["no session 's'"]);
    tool.run("-s s list").failed(3, &["no session 's'"]);
    assert!(!tool.directory().join("atomik").exists());
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_told() {
    let tool = Tool::new();
    let script = "export XDG_RUNTIME_DIR=$PWD/$(printf %0100d 0); mkdir -m 700 $XDG_RUNTIME_DIR
        atomikctl session start s";
    let path = format!("{}/atomik/s.socket", "0".repeat(100));
    tool.shell(script)
        .failed(3, &["too long", &path, "hint: set XDG_RUNTIME_DIR"]);
}

/// A container, whose processes the kernel hides from those outside, and the other way round.
#[test]
fn a_holder_in_another_pid_namespace_serves() {
    if !Path::new("/proc/self/ns/pid").exists() {
        println!("this kernel has no PID namespaces");
        return;
    }
    let tool = Tool::with_session();
    tool.run("-s s create 3").ok();
    let mut command = tool.command("/bin/sh");
    command.args(["-c", "atomikctl -s s list; atomikctl session list"]);
    atomik_test_support::task::run(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWPID).unwrap();
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let [_, "1      3", _, session] = lines[..] else {
            panic!("{text}")
        };
        let words: Vec<_> = session.split_whitespace().collect();
        assert_eq!(words[..4], ["s", "live", "-", "1"]);
    });
}

/// The message doesn't blame the holder or give its tables up.
#[test]
fn a_client_without_room_for_the_descriptor_says_so() {
    let tool = Tool::with_session();
    let ran = tool.shell("ulimit -n 4; atomikctl -s s list");
    assert!(!ran.stderr.contains("anew"), "{ran:?}");
    ran.failed(3, &["talking to the holder failed: Too many open files"]);
}

fn holder(tool: &Tool) -> Pid {
    Pid::from_raw(listed(tool)[0]["pid"].as_i64().unwrap() as i32)
}

/// A stopped holder is told from one that has ended, and holds up nobody who doesn't need it.
#[test]
fn a_holder_that_is_stopped() {
    let tool = Tool::with_session();
    tool.run("-s s create 100").ok();
    let pid = holder(&tool);
    kill(pid, Signal::SIGSTOP).unwrap();
    tool.run("-s s list").failed(
        3,
        &[
            &format!("holder of the session 's', process {pid}, doesn't answer"),
            &format!("hint: if it's stopped, `kill -CONT {pid}`"),
        ],
    );
    // Its name stays taken, and the list shows it.
    tool.run("session start s")
        .failed(1, &["there is a session 's' already"]);
    let found = tool.run("--json top --once --interval 50").ok();
    assert!(found.contains("\"session\":\"s\""), "{found}");
    kill(pid, Signal::SIGCONT).unwrap();
    assert_eq!(tool.run("-s s list").ok(), "table  contexts\n1      100\n");
}

/// A holder that ended where descriptors are short would take the tables with it.
#[test]
fn a_holder_outlives_a_shortage() {
    let tool = Tool::with_session();
    tool.run("-s s create 100").ok();
    let pid = holder(&tool);
    let limit = |soft| {
        let limit = nix::libc::rlimit {
            rlim_cur: soft,
            rlim_max: 1024,
        };
        let old = std::ptr::null_mut();
        // SAFETY: it reads `limit`, which is there meanwhile, and writes nothing.
        let set =
            unsafe { nix::libc::prlimit(pid.as_raw(), nix::libc::RLIMIT_NOFILE, &limit, old) };
        assert_eq!(set, 0);
    };
    limit(0);
    // The holder has a descriptor for the next client, and none for the one after.
    tool.run("-s s list").ok();
    let sleeping = nix::libc::SYS_clock_nanosleep.to_string();
    let doing = || std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
    while doing().split(' ').next() != Some(&sleeping) {}
    limit(1024);
    assert_eq!(tool.run("-s s list").ok(), "table  contexts\n1      100\n");
}

#[test]
fn the_session_may_come_from_the_environment() {
    let tool = Tool::with_session();
    let ran = |script: &str| tool.shell(script);
    assert_eq!(ran("ATOMIK_SESSION=s atomikctl create 3").ok(), "table 1\n");
    assert_eq!(
        ran("ATOMIK_SESSION=s atomikctl read 2").ok(),
        "0x0000000000000000\n"
    );
    ran("ATOMIK_SESSION=x atomikctl read 2").failed(3, &["no session 'x'"]);
    ran("ATOMIK_SESSION=/ atomikctl read 2").failed(2, &["can't be a session's name"]);
    // The command line counts.
    assert_eq!(
        ran("ATOMIK_SESSION=x atomikctl -s s read 2").ok(),
        "0x0000000000000000\n"
    );
}

#[test]
fn exec_gives_the_descriptor_to_any_program() {
    let tool = Tool::with_session();
    tool.run("-s s create 24").ok();
    let script = "echo $LISTEN_FDS $LISTEN_FDNAMES $ATOMIK_SESSION; [ $LISTEN_PID = $$ ] && echo own
        grep atomik-table: /proc/self/fdinfo/3; atomikctl accum 5 7; atomikctl --fd 3 read 5; exit 9";
    let mut command = tool.command("atomikctl");
    command.args(["session", "exec", "s", "--", "/bin/sh", "-c", script]);
    let ran = finish(command, b"");
    let expected = "1 atomik s\nown\natomik-table:\t1 contexts 24\n0x0000000000000007\n";
    assert_eq!(
        ran,
        Ran {
            status: 9,
            stdout: expected.into(),
            stderr: String::new()
        }
    );
    tool.run("session exec s -- /nowhere")
        .failed(127, &["can't run /nowhere"]);
    tool.run("session exec s -- /dev/null")
        .failed(126, &["can't run /dev/null"]);
    tool.run("session exec x -- true")
        .failed(3, &["no session 'x'"]);
}

/// Runs a script of the shell by `session exec s`.
fn exec(tool: &Tool, options: &str, script: &str) -> Ran {
    let mut command = tool.command("atomikctl");
    command.args(["session", "exec", "s"]);
    command.args(options.split_whitespace());
    command.args(["--", "/bin/sh", "-c", script]);
    finish(command, b"")
}

#[test]
fn exec_gives_one_table_for_reading() {
    let tool = Tool::with_session();
    tool.run("-s s create 24").ok();
    tool.run("-s s load 5 7").ok();
    let script = "echo $LISTEN_FDS $LISTEN_FDNAMES ${ATOMIK_SESSION-none}; set -e
        atomikctl --fd 3 list; atomikctl --fd 3 read 5; atomikctl --fd 3 read 4..5 -f dec
        atomikctl --fd 3 dump 5 -f dec | tail -n 1 | tr -s ' '
        printf 'expect 5 7\nread 5\n' | atomikctl --fd 3 batch -q
        atomikctl --fd 3 watch -i -n 0 5; atomikctl --fd 3 info | grep export
        atomikctl --fd 3 snapshot copy 2>&1";
    let expected = "1 atomik none\ntable  contexts\n1      24\n0x0000000000000007\n4 0\n5 7\n\
        5 7 0 7\nread 5 = 0x0000000000000007\n5 0x0000000000000007\nexport          read-only\n\
        atomikctl: 24 contexts of table 1 in copy\n";
    assert_eq!(exec(&tool, "--read-only", script).ok(), expected);
    for words in [
        "load 0 1",
        "load 0..1 1",
        "accum 5 1",
        "set 5 1",
        "swap 5",
        "cas 5 7 8",
        "restore copy",
    ] {
        let script = format!("atomikctl --fd 3 {words}");
        let said = [" was refused: this descriptor is read-only", "hint: "];
        exec(&tool, "--read-only", &script).failed(1, &said);
        exec(&tool, "-t 1 --read-only", &script).failed(1, &said);
    }
    let rights = exec(&tool, "--read-only", "atomikctl --fd 3 --json info");
    let rights: Value = serde_json::from_str(&rights.ok()).unwrap();
    assert_eq!(
        (&rights["fd"], &rights["export"]),
        (&3.into(), &"read-only".into())
    );
    assert_eq!(tool.run("-s s dump --nonzero").ok().lines().count(), 2);
    assert_eq!(tool.run("-s s read 5 -f dec").ok(), "7\n");
}

#[test]
fn exec_gives_one_table_of_several() {
    let tool = Tool::with_session();
    exec(&tool, "--read-only", "true").failed(1, &["no table yet", "atomikctl create N"]);
    tool.run("-s s create 24").ok();
    tool.run("-s s create 8").ok();
    let script = "atomikctl --fd 3 list && atomikctl --fd 3 set 7 70 && atomikctl --fd 3 read 7";
    let expected = "table  contexts\n2      8\n0x0000000000000046\n";
    assert_eq!(exec(&tool, "-t 2", script).ok(), expected);
    assert_eq!(tool.run("-s s -t 2 read 7 -f dec").ok(), "70\n");
    // Options may stand before the command.
    let words = "-t 2 session exec s --read-only -- atomikctl --fd 3 read 7 -f dec";
    assert_eq!(tool.run(words).ok(), "70\n");
    for words in ["create 4", "destroy"] {
        let script = format!("atomikctl --fd 3 {words}");
        exec(&tool, "-t 2", &script).failed(1, &["right to", "hint: "]);
    }
    exec(&tool, "-t 2", "atomikctl --fd 3 -t 1 read 0").failed(1, &["no table 1"]);
    exec(&tool, "-t 9", "true").failed(1, &["no table 9"]);
    exec(&tool, "--read-only", "true").failed(1, &["has the tables 1, 2", "choose one with -t ID"]);
    assert_eq!(tool.run("-s s list").ok().lines().count(), 3);
}

#[test]
fn a_directory_of_others_is_refused() {
    let tool = Tool::new();
    let script = "mkdir -m 777 atomik; atomikctl session start s";
    tool.shell(script)
        .failed(3, &["isn't this user's alone", "chmod 700"]);
}

#[test]
fn other_users_get_nothing() {
    let tool = Tool::with_session();
    tool.run("-s s create 4").ok();
    // The way to the socket is open, and yet the holder doesn't answer another user.
    let script = "chmod 711 . && chmod 711 atomik && chmod 777 atomik/s.socket && mkdir -m 711 u && \
        ln -s $PWD/atomik u/atomik";
    tool.shell(script).ok();
    let path = tool.directory().join("atomik/s.socket");
    let socket = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    atomik_test_support::task::run(move || {
        use nix::sys::socket::{
            AddressFamily, SockFlag, SockType, UnixAddr, connect, socket as new,
        };
        nix::unistd::setresgid(65534.into(), 65534.into(), 65534.into()).unwrap();
        nix::unistd::setresuid(65534.into(), 65534.into(), 65534.into()).unwrap();
        let kind = SockType::SeqPacket;
        let fd = new(AddressFamily::Unix, kind, SockFlag::empty(), None).unwrap();
        connect(fd.as_raw_fd(), &UnixAddr::new(socket.as_c_str()).unwrap()).unwrap();
        // The holder may have closed before this is sent, and won't have read it.
        let _ = nix::unistd::write(&fd, b"\x01g");
        let mut answer = [0; 8];
        let length = match nix::unistd::read(&fd, &mut answer) {
            Err(nix::errno::Errno::ECONNRESET) => nix::unistd::read(&fd, &mut answer),
            read => read,
        }
        .unwrap();
        assert_eq!(&answer[..length], b"\x01r");
    });
    // The holder still serves its own user.
    let script = "chmod 700 . atomik; atomikctl -s s read 0";
    assert_eq!(tool.shell(script).ok(), "0x0000000000000000\n");
}

#[test]
fn sessions_by_the_library() {
    let tool = Tool::new();
    let sessions = Sessions::at(tool.directory().join("atomik")).unwrap();
    let name: SessionName = "lib".parse().unwrap();
    let device = Device::open().unwrap();
    let id = device.create_table(8).unwrap().into_id();
    let holder = sessions.hold(&name, device).unwrap();
    let serving = std::thread::spawn(|| holder.serve());
    let taken = sessions.hold(&name, Device::open().unwrap());
    assert!(matches!(taken, Err(SessionError::Exists { .. })));

    let session = sessions.connect(&name).unwrap();
    assert_eq!(session.holder(), Some(std::process::id() as i32));
    let table = session.device().only_table().unwrap();
    assert_eq!((table.id(), table.contexts()), (id, Some(8)));
    table.accum(3, 5).unwrap();
    // The command is another client of the same session.
    assert_eq!(tool.run("-s lib read 3").ok(), "0x0000000000000005\n");
    sessions.stop(&name).unwrap();
    serving.join().unwrap().unwrap();
    assert_eq!(sessions.names().unwrap(), []);
    // The descriptor keeps the tables.
    assert_eq!(table.read(3).unwrap(), 5);
}

/// A holder as systemd starts it: with a socket for notifications, and the descriptors of the
/// store.
struct Service {
    notify: UnixDatagram,
    path: PathBuf,
}

impl Service {
    fn new(tool: &Tool) -> Self {
        let path = tool.directory().join("notify");
        Self {
            notify: UnixDatagram::bind(&path).unwrap(),
            path,
        }
    }

    fn start(&self, tool: &Tool, stored: Option<OwnedFd>, environment: &[(&str, &str)]) -> Child {
        // The descriptor comes as standard input and becomes number 3.
        let script = match stored {
            Some(_) => {
                "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=atomik \
                exec atomikctl session hold s 3<&0 </dev/null"
            }
            None => "exec atomikctl session hold s",
        };
        let mut command: Command = tool.command("/bin/sh");
        let mut child = command
            .args(["-c", script])
            .env("NOTIFY_SOCKET", &self.path)
            .envs(environment.iter().copied())
            .stdin(stored.map_or(Stdio::null(), Stdio::from))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        child
    }

    /// The next notification, and the descriptor with it.
    fn notification(&self) -> (String, Option<OwnedFd>) {
        let mut bytes = [0; 512];
        let mut iov = [IoSliceMut::new(&mut bytes)];
        let mut space = nix::cmsg_space!([i32; 2]);
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message =
            recvmsg::<()>(self.notify.as_raw_fd(), &mut iov, Some(&mut space), flags).unwrap();
        let mut descriptor = None;
        for message in message.cmsgs().unwrap() {
            if let ControlMessageOwned::ScmRights(descriptors) = message {
                let [number] = descriptors[..] else {
                    panic!("one descriptor")
                };
                // SAFETY: it has just been received, and nobody else has it.
                descriptor = Some(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
        let length = message.bytes;
        (
            String::from_utf8(bytes[..length].to_vec()).unwrap(),
            descriptor,
        )
    }
}

#[test]
fn a_service_that_is_started_again_has_lost_nothing() {
    let tool = Tool::new();
    let service = Service::new(&tool);
    let mut holder = service.start(&tool, None, &[]);
    let (text, stored) = service.notification();
    let stored = stored.expect("the descriptor is stored");
    for line in ["FDSTORE=1", "FDNAME=atomik", "FDPOLL=0"] {
        assert!(text.lines().any(|l| l == line), "{text}");
    }
    let (text, none) = service.notification();
    assert!(text.starts_with("READY=1\n") && none.is_none(), "{text}");

    tool.run("-s s create 7").ok();
    tool.run("-s s load 6 66").ok();
    assert_eq!(fdinfo::read(&stored).each, [(1, 7)]);
    holder.kill().unwrap();
    assert_eq!(holder.wait().unwrap().signal(), Some(9));

    let mut holder = service.start(&tool, Some(stored), &[]);
    // The holder has the stored descriptor, and doesn't store it again.
    let (text, none) = service.notification();
    assert!(text.starts_with("READY=1\n") && none.is_none(), "{text}");
    assert_eq!(tool.run("-s s read 6 -f dec").ok(), "66\n");
    // It has it once: stopping the session returns when the device is closed.
    let open = open_files(holder.id().try_into().unwrap());
    assert_eq!(open.iter().filter(|f| *f == "/dev/atomik").count(), 1);
    tool.run("session stop s").ok();
    assert_eq!(holder.wait().unwrap().code(), Some(0));
}

/// Notifications meant for another process are ignored, however a session is started.
#[test]
fn what_is_meant_for_another_process_is_ignored() {
    let tool = Tool::new();
    let service = Service::new(&tool);
    service.notify.set_nonblocking(true).unwrap();
    let passed = [
        ("LISTEN_PID", "1"),
        ("LISTEN_FDS", "1"),
        ("LISTEN_FDNAMES", "atomik"),
    ];
    let [pid, fds, names] = passed;
    // The session is ready, which only its output says.
    let mut holder = service.start(&tool, None, &[pid, fds, names, ("SYSTEMD_EXEC_PID", "1")]);
    let heard = service.notify.recv(&mut [0; 64]).unwrap_err();
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock);
    tool.run("session stop s").ok();
    assert_eq!(holder.wait().unwrap().code(), Some(0));

    let mut start = tool.command("atomikctl");
    start
        .args(["session", "start", "s"])
        .env("NOTIFY_SOCKET", &service.path)
        .envs(passed);
    finish(start, b"").ok();
    let heard = service.notify.recv(&mut [0; 64]).unwrap_err();
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock);
}
