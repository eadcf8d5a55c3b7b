using System.Text;
using Qanat.Cli.Servers;
using Qanat.Wire;
using static Qanat.Cli.Starting.YamlText;

namespace Qanat.Cli.Starting;

/// <summary>A new hub: its folder, key and a commented <c>hub.yaml</c>.</summary>
internal sealed record HubStarter(string Folder, string Name)
{
    public required IReadOnlyList<string> Listen { get; init; }
    public IReadOnlyList<string> Advertise { get; init; } = [];
    public required string Mesh { get; init; }
    public string? MeshAdvertise { get; init; }
    public required string Admin { get; init; }
    public IReadOnlyList<PeerArgument> Peers { get; init; } = [];
    public string LogLevel { get; init; } = "information";

    /// <summary>Where the configuration is written.</summary>
    public string ConfigFile => Path.Combine(Folder, "hub.yaml");

    /// <summary>Makes folder and key when there are none, and tells the mid.</summary>
    public static Mid MakeIdentity(string folder)
    {
        StarterFolder.Create(folder);
        return StarterFolder.EnsureIdentity(Path.Combine(folder, "hub.key"));
    }

    /// <summary>Makes folder, key and configuration.</summary>
    /// <exception cref="CliException">A value is wrong, or the folder holds a configuration already; nothing was changed.</exception>
    public Mid Write()
    {
        StarterFolder.Check(Yaml(Mid.None), ConfigFile, ServerRole.HubValidator);
        Mid mid = MakeIdentity(Folder);
        StarterFolder.WriteNew(ConfigFile, Yaml(mid));
        return mid;
    }

    private string Yaml(Mid mid)
    {
        StringBuilder yaml = new();
        yaml.Append($"""
            # Hub {Name}, mid {mid}.
            # Checked with: qanat config check {ConfigFile}
            # Every key is described in docs/operations/configuration.md.

            name: {Scalar(Name)}
            data-folder: {Scalar(Folder)}

            # Where nodes dial in. Use wss:// with tls-certificate and tls-key when a firewall wants TLS; the tunnel needs none.
            listen: {List(Listen)}
            {Setting("advertise", Advertise.Count > 0 ? List(Advertise) : null, "[\"ws://hub.example:7000\"]", "how nodes reach it, when that is not the address above")}

            # The other hubs. Each side lists the other's mid: 'qanat status' prints it.
            mesh:
              listen: {Scalar(Mesh)}
              {Setting("advertise", MeshAdvertise is null ? null : Scalar(MeshAdvertise), "tcp://hub.example:7001", "how other hubs reach it")}
              peers:{(Peers.Count == 0 ? " []" : "")}

            """);
        if (Peers.Count == 0)
        {
            yaml.Append("    # - { name: hub-b, mid: MID-OF-HUB-B, address: \"tcp://hub-b.example:7001\" }   # in place of []; 'qanat init hub' there prints this line\n");
        }
        foreach (PeerArgument peer in Peers)
        {
            yaml.Append($"    - name: {Scalar(peer.Name)}\n      mid: {peer.Mid}\n");
            if (peer.Address is not null)
            {
                yaml.Append($"      address: {Scalar(peer.Address)}\n");
            }
        }
        yaml.Append($"""

            # Bounds of every member on ciphertext; 0 is no limit. Single members: qanat hub quota.
            quotas:
              bytes-per-second: 0
              sessions: 4096
              opens-per-second: 1000

            # /healthz, /readyz, /metrics and /api; keep it on loopback.
            admin:
              listen: {Scalar(Admin)}

            log-level: {LogLevel}

            """);
        return yaml.ToString();
    }

    private static string Setting(string key, string? value, string example, string why) =>
        value is null ? $"# {key}: {example}   # {why}" : $"{key}: {value}";
}
