using System.Text;
using Qanat.Cli.Servers;
using Qanat.Wire;
using static Qanat.Cli.Starting.YamlText;

namespace Qanat.Cli.Starting;

/// <summary>A new node: its folder, key and a commented <c>node.yaml</c>.</summary>
internal sealed record NodeStarter(string Folder, string Name)
{
    public required IReadOnlyList<(string Url, Mid? Mid)> Hubs { get; init; }
    public string? Token { get; init; }
    public required string Proxy { get; init; }
    public required string Admin { get; init; }

    /// <summary>Published services: name, target, who may use it.</summary>
    public IReadOnlyList<(string Name, string Target, IReadOnlyList<string> Allow)> Services { get; init; } = [];

    /// <summary>Where the configuration is written.</summary>
    public string ConfigFile => Path.Combine(Folder, "node.yaml");

    /// <summary>Makes folder, key and configuration.</summary>
    /// <exception cref="CliException">A value is wrong, or the folder holds a configuration already; nothing was changed.</exception>
    public Mid Write()
    {
        StarterFolder.Check(Yaml(Mid.None), ConfigFile, ServerRole.NodeValidator);
        StarterFolder.Create(Folder);
        Mid mid = StarterFolder.EnsureIdentity(Path.Combine(Folder, "node.key"));
        if (Token is not null)
        {
            StarterFolder.WriteNew(Path.Combine(Folder, "enrolment.token"), Token + "\n");
        }
        StarterFolder.WriteNew(ConfigFile, Yaml(mid));
        return mid;
    }

    private string Yaml(Mid mid)
    {
        StringBuilder yaml = new();
        yaml.Append($"""
            # Node {Name}, mid {mid}.
            # Checked with: qanat config check {ConfigFile}
            # Every key is described in docs/operations/configuration.md.

            name: {Scalar(Name)}
            identity: {Scalar(Folder)}

            # The node dials out to one of these and nothing else; no inbound port is needed.
            hubs:

            """);
        foreach ((string url, Mid? hubMid) in Hubs)
        {
            yaml.Append($"  - url: {Scalar(url)}\n");
            yaml.Append(hubMid is { } known ? $"    mid: {known}\n" : "    # mid: the hub's mid, from 'qanat init hub' or 'qanat status' there; without it the first key that answers is trusted and kept to\n");
        }
        yaml.Append(Token is null
            ? "\n# Needed once: 'qanat hub token create' at the hub prints it.\n# enrolment-token: file:enrolment.token\n"
            : "\n# Spent at the first start.\nenrolment-token: file:enrolment.token\n");
        yaml.Append($"""

            # Platforms set this as http_proxy; CONNECT and SOCKS5 are on the same port.
            proxy:
              listen: {Quote(Proxy)}

            # What peers may use here, checked at every connection. Nobody is allowed unless named.
            services:{(Services.Count == 0 ? " {}" : "")}

            """);
        foreach ((string service, string target, IReadOnlyList<string> allow) in Services)
        {
            yaml.Append($"""
                  {Scalar(service)}:
                    target: {Scalar(target)}
                    allow: {List(allow)}

                """);
        }
        if (Services.Count == 0)
        {
            yaml.Append("#  psi:\n#    target: http://127.0.0.1:8080\n#    allow: [hospital-b]\n");
        }
        yaml.Append($"""

            # /healthz, /readyz, /metrics and /api; keep it on loopback.
            admin:
              listen: {Scalar(Admin)}

            """);
        return yaml.ToString();
    }

    private static string Quote(string value) => $"\"{value}\"";
}
