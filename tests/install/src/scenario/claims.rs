// SPDX-License-Identifier: MIT OR Apache-2.0
//! Claims about an installation, however it was made.

use super::Scenario;
use crate::guest::Guest;
use anyhow::Result;

/// A script that each user of the device may run.
const USE: &str = "set -e
atomikctl info
printf 'create 16\\nload 0 0xCAFEBABE\\naccum 0 1\\nread 0\\n' | atomikctl run -";
const USED: &str = "0x00000000cafebabf";

/// Starts alice's service manager, which a login would start where PAM knows of systemd.
const MANAGER: &str = "install -d -o alice -g alice -m 700 /run/user/$(id -u alice)
systemd-run --quiet --unit=manager-of-alice --uid=alice \
    --property=Type=notify --property=Delegate=yes \
    --setenv=XDG_RUNTIME_DIR=/run/user/$(id -u alice) \
    --setenv=XDG_CONFIG_HOME=/run/user/$(id -u alice)/config \
    /usr/lib/systemd/systemd --user";

/// A session as alice's service, which is restarted, killed, and stopped.
const SERVICE: &str = "set -ex
export XDG_RUNTIME_DIR=/run/user/$(id -u) ATOMIK_SESSION=work
unit=atomik-session@work
pid() { systemctl --user show --property=MainPID --value $unit; }
systemctl --user enable --now $unit
atomikctl create 16
atomikctl load 3 0xCAFEBABE
atomikctl accum 3 1
first=$(pid)
systemctl --user restart $unit
second=$(pid)
[ $first != $second ]
[ $(atomikctl read 3) = 0x00000000cafebabf ]
systemctl --user kill --signal=KILL $unit
until third=$(pid); [ $third != $second ] && systemctl --user --quiet is-active $unit; do :; done
[ $(atomikctl read 3) = 0x00000000cafebabf ]
atomikctl session list
systemctl --user disable --now $unit
! atomikctl list";

/// Whether each page and script that a program writes is installed, as it writes it; $1 is
/// /usr/local, or /usr for the packages.
const WRITTEN: &str = r#"set -e
n=0
while IFS=$'\t' read -r mode source destination _; do
    [[ $source == @*:* ]] || continue
    if [[ $1 == /usr ]]; then
        zsh=/usr/share/zsh/vendor-completions
        destination=${destination/#\/usr\/local\/share\/zsh\/site-functions/$zsh}
        destination=${destination/#\/etc\/fish\/completions//usr/share/fish/vendor_completions.d}
        destination=${destination/#\/usr\/local//usr}
    fi
    # Debian's packages have pages compressed.
    [[ -e $destination ]] || destination+=.gz
    IFS=: read -ra words <<<"${source#@}"
    cmp <("${words[@]}") <(zcat -f "$destination")
    n=$((n + 1))
done <atomik/packaging/files
((n > 20))"#;

impl Scenario<'_> {
    /// The device works for those in the group, and only for them.
    pub fn check_device(&mut self, guest: &mut Guest, when: &str) -> Result<()> {
        let loaded = guest.run("root", "grep '^atomik ' /proc/modules")?;
        self.check_outcome(
            &format!("the_module_is_loaded_{when}"),
            &loaded,
            loaded.ok(),
        );
        let mode = guest.run("root", "stat -c '%F %a %U:%G' /dev/atomik")?;
        let holds = mode.text.trim() == "character special file 660 root:atomik";
        self.check_outcome(
            &format!("the_device_is_0660_root_atomik_{when}"),
            &mode,
            holds,
        );
        let used = guest.run("alice", USE)?;
        let holds = used.ok() && used.text.contains(USED);
        self.check_outcome(&format!("a_member_uses_it_{when}"), &used, holds);
        let denied = guest.run("bob", "! id -nG | grep -qw atomik && exec 3<>/dev/atomik")?;
        let holds = !denied.ok() && denied.text.contains("Permission denied");
        self.check_outcome(&format!("another_user_gets_eacces_{when}"), &denied, holds);
        Ok(())
    }

    /// A session as a service, and what the program itself writes of what is installed below
    /// `prefix`.
    pub fn check_tools(&mut self, guest: &mut Guest, prefix: &str, when: &str) -> Result<()> {
        let written = guest.run("alice", &format!("set -- {prefix}\n{WRITTEN}"))?;
        self.check_outcome(
            &format!("manual_pages_and_completions_are_there_{when}"),
            &written,
            written.ok(),
        );
        guest.must("root", MANAGER)?;
        let service = guest.run("alice", SERVICE)?;
        self.check_outcome(
            &format!("a_session_as_a_service_loses_nothing_{when}"),
            &service,
            service.ok(),
        );
        guest.must("root", "systemctl stop manager-of-alice")?;
        Ok(())
    }

    /// DKMS knows the module, and has signed it with its key, as Secure Boot wants.
    pub fn check_module(&mut self, guest: &mut Guest, when: &str) -> Result<()> {
        let status = guest.run("root", "dkms status atomik -k $(uname -r)")?;
        let holds = status.text.contains(": installed");
        self.check_outcome(&format!("dkms_has_the_module_{when}"), &status, holds);
        let signer = guest.run(
            "root",
            "openssl x509 -in /var/lib/dkms/mok.pub -inform der -noout -subject \
             -nameopt multiline && modinfo -F signer atomik",
        )?;
        let name = signer.text.lines().last().unwrap_or_default();
        let holds = signer.ok() && !name.is_empty() && signer.text.matches(name).count() == 2;
        self.check_outcome(&format!("the_module_is_signed_{when}"), &signer, holds);
        Ok(())
    }
}
