using Qanat.Bench.Load;
using Qanat.Bench.Processes;

namespace Qanat.Bench.Peers;

/// <summary>
/// OpenSSH as a double layer: B keeps <c>ssh -R</c> to the hub's sshd and runs an inner sshd; A's inner ssh reaches that through
/// <c>ProxyCommand ssh -W</c>, so the hub sees only the inner ciphertext. aes128-gcm in both layers. All keys and settings in a temporary folder.
/// </summary>
public sealed class OpenSshSystem : PeerSystem
{
    private int _bulkPort;
    private int _httpPort;

    public override string Name => "OpenSSH double layer";

    public override string BulkEntry => $"127.0.0.1:{_bulkPort}";

    public override HttpArguments Http => new($"127.0.0.1:{_httpPort}", HttpMode.Origin, "backend", 1, 1);

    protected override async Task OnStartAsync()
    {
        _ = ChildProcess.Find("sshd") ?? throw new InvalidOperationException("sshd is not installed; run bench/peers.sh");
        foreach (string key in new[] { "host_key", "user_key" })
        {
            await ChildProcess.RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", File(key)).ConfigureAwait(false);
        }
        System.IO.File.Copy(File("user_key.pub"), File("authorized_keys"));
        int hubPort = Lab.Hub.FreePort(), innerPort = Lab.B.FreePort(), reversePort = Lab.Hub.FreePort();
        _bulkPort = Lab.A.FreePort();
        _httpPort = Lab.A.FreePort();
        WriteClientSettings(hubPort, reversePort);

        ChildProcess hub = RunServer("hub sshd", Lab.Hub, Lab.Hub.Address.ToString(), hubPort);
        ChildProcess inner = RunServer("inner sshd", Lab.B, "127.0.0.1", innerPort);
        await Lab.Hub.WaitForPortAsync(hubPort, hub).ConfigureAwait(false);
        await Lab.B.WaitForPortAsync(innerPort, inner).ConfigureAwait(false);
        ChildProcess reverse = Run("ssh -R at B", Lab.B, "ssh", "-F", File("ssh_config"), "-N", "-R", $"127.0.0.1:{reversePort}:127.0.0.1:{innerPort}", "hub");
        await Lab.Hub.WaitForPortAsync(reversePort, reverse).ConfigureAwait(false);
        ChildProcess forward = Run("inner ssh at A", Lab.A, "ssh", "-F", File("ssh_config"), "-N",
            "-L", $"127.0.0.1:{_bulkPort}:127.0.0.1:{Lab.BulkPort}", "-L", $"127.0.0.1:{_httpPort}:127.0.0.1:{Lab.HttpPort}", "inner");
        await Lab.A.WaitForPortAsync(_httpPort, forward).ConfigureAwait(false);
        await WaitForHttpAsync().ConfigureAwait(false);
    }

    private ChildProcess RunServer(string role, Site site, string address, int port)
    {
        string settings = File($"sshd_config_{port}");
        System.IO.File.WriteAllText(settings, $"""
            ListenAddress {address}:{port}
            HostKey {File("host_key")}
            AuthorizedKeysFile {File("authorized_keys")}
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            PermitRootLogin yes
            AllowTcpForwarding yes
            Ciphers aes128-gcm@openssh.com
            MaxSessions 4096
            MaxStartups 1000
            LogLevel ERROR

            """);
        string sshd = ChildProcess.Find("sshd")!;
        if (!Environment.IsPrivilegedProcess)
        {
            return Run(role, site, "sshd", "-D", "-e", "-f", settings);
        }
        // As root sshd wants /run/sshd; it gets one in a mount namespace of its own, so the system's /run stays as it is.
        return Run(role, site, "unshare", "-m", "sh", "-c", $"mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec {sshd} -D -e -f '{settings}'");
    }

    private void WriteClientSettings(int hubPort, int reversePort) =>
        System.IO.File.WriteAllText(File("ssh_config"), $"""
            Host hub
              HostName {Lab.Hub.Address}
              Port {hubPort}
            Host inner
              HostName 127.0.0.1
              Port {reversePort}
              ProxyCommand ssh -F {File("ssh_config")} -W 127.0.0.1:{reversePort} hub
            Host *
              User {Environment.UserName}
              IdentityFile {File("user_key")}
              IdentitiesOnly yes
              UserKnownHostsFile /dev/null
              GlobalKnownHostsFile /dev/null
              StrictHostKeyChecking no
              BatchMode yes
              Compression no
              Ciphers aes128-gcm@openssh.com
              ExitOnForwardFailure yes
              LogLevel ERROR

            """);
}
