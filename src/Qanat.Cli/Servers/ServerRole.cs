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
    /// <exception cref="CliException">It is of the other kind of server, or of none.</exception>
    public static ServerRole Load(string path, string? role)
    {
        if (role is null)
        {
            (int ofNode, int ofHub) = CountKeys(path);
            if (ofNode + ofHub == 0)
            {
                RefuseNothing(path);
            }
            role = ofNode > ofHub ? Node : Hub;
        }
        Expect(path, role);
        if (role == Node)
        {
            NodeOptions node = ConfigurationFile.Load(path, NodeValidator);
            return new ServerRole(Node, node.Name, OrNull(node.Admin.Listen), node.Admin.TokenFile ?? Path.Combine(node.Identity, "admin.token"));
        }
        HubOptions hub = ConfigurationFile.Load(path, HubValidator);
        return new ServerRole(Hub, hub.Name, OrNull(hub.Admin.Listen), Path.Combine(hub.DataFolder, "admin.token"));
    }

    /// <summary>Refuses a file that is clearly of the other kind of server with one line in place of one for each of its keys.</summary>
    /// <returns><paramref name="path"/>.</returns>
    /// <exception cref="CliException">It is the other's (exit code 2).</exception>
    public static string Expect(string path, string role)
    {
        (int node, int hub) = CountKeys(path);
        string likely = node > hub ? Node : Hub;
        return node == hub || likely == role
            ? path
            : throw new CliException("config-invalid", $"{path}: this is the configuration of a {likely}; a {role}'s is needed here", ExitCode.Usage);
    }

    // An empty file, a lone word, a list: what a hub would miss in it says nothing to who meant a node's.
    private static void RefuseNothing(string path)
    {
        try
        {
            ConfigurationFile.Load(path, HubValidator);
        }
        catch (ConfigurationException e) when (e.Errors.All(error => error.Fault is ConfigurationFault.ConfigInvalid || (error.Fault is ConfigurationFault.ConfigWrongType && error.Key.Length == 0)))
        {
            throw new CliException("config-invalid", $"{path}: no setting of a hub or a node is in it ('qanat init hub' or 'qanat init node' writes a file)", ExitCode.Usage, e);
        }
    }

    private static (int Node, int Hub) CountKeys(string path) =>
        (ConfigurationFile.CountKnownKeys<NodeOptions>(path), ConfigurationFile.CountKnownKeys<HubOptions>(path));

    /// <summary>Speaks with the server's admin listener.</summary>
    /// <exception cref="CliException">It has none, or its token may not be read.</exception>
    public AdminClient Connect() =>
        Admin is null ? throw new CliException("admin-unreachable", $"{Role} {Name} has no admin listener (admin.listen is empty)") : new AdminClient(Admin, TokenFile);

    private static string? OrNull(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
