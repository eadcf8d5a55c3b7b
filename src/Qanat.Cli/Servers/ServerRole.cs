using Microsoft.Extensions.Options;
using Qanat.Cli.Admin;
using Qanat.Configuration;
using Qanat.Hub;
using Qanat.Node.Options;
using HubOptions = Qanat.Hub.HubOptions;

namespace Qanat.Cli.Servers;

/// <summary>What a configuration file is for, and where the admin listener of that server is.</summary>
/// <param name="Role"><c>hub</c> or <c>node</c>.</param>
/// <param name="Name">The configured name.</param>
/// <param name="Admin">Address of the admin listener; null when there is none.</param>
/// <param name="TokenFile">File with the admin API's bearer token.</param>
internal sealed record ServerRole(string Role, string Name, string? Admin, string TokenFile)
{
    public const string Hub = "hub", Node = "node";

    /// <summary>Checks of a hub's settings.</summary>
    public static IValidateOptions<HubOptions> HubValidator { get; } = new HubOptionsValidator();

    /// <summary>Checks of a node's settings.</summary>
    public static IValidateOptions<NodeOptions> NodeValidator { get; } = new NodeOptionsValidator();

    /// <summary>Loads a file as what it is for.</summary>
    /// <param name="path">The file.</param>
    /// <param name="role">Its role; null tells it from its keys.</param>
    /// <exception cref="ConfigurationException">The file has errors.</exception>
    public static ServerRole Load(string path, string? role)
    {
        role ??= ConfigurationFile.CountKnownKeys<NodeOptions>(path) > ConfigurationFile.CountKnownKeys<HubOptions>(path) ? Node : Hub;
        if (role == Node)
        {
            NodeOptions node = ConfigurationFile.Load(path, NodeValidator);
            return new ServerRole(Node, node.Name, OrNull(node.Admin.Listen), node.Admin.TokenFile ?? Path.Combine(node.Identity, "admin.token"));
        }
        HubOptions hub = ConfigurationFile.Load(path, HubValidator);
        return new ServerRole(Hub, hub.Name, OrNull(hub.Admin.Listen), Path.Combine(hub.DataFolder, "admin.token"));
    }

    /// <summary>Speaks with the server's admin listener.</summary>
    /// <exception cref="CliException">It has none, or its token may not be read.</exception>
    public AdminClient Connect() =>
        Admin is null ? throw new CliException("admin-unreachable", $"{Role} {Name} has no admin listener (admin.listen is empty)") : new AdminClient(Admin, TokenFile);

    private static string? OrNull(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
