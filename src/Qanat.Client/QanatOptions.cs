namespace Qanat.Client;

/// <summary>Who this program is in the network, and how it gets there. Bound from the configuration section <c>Qanat</c> when there is one.</summary>
public sealed class QanatOptions
{
    /// <summary>Configuration section that <c>AddQanat</c>, <c>AddQanatClient</c> and <c>UseQanat</c> read.</summary>
    public const string Section = "Qanat";

    /// <summary>Participant name asked for at enrolment, such as <c>hospital-a</c>; the hub knows it afterwards. At most 63 characters of a-z, 0-9 and '-'.</summary>
    public string? Name { get; set; }

    /// <summary>Hubs of the subnet, in order of preference; one is enough.</summary>
    public IList<QanatHub> Hubs { get; init; } = [];

    /// <summary>Folder of this program's own: its private key (made at the first start, mode 0600) and what it learned. Two running programs never share one.</summary>
    public string StateFolder { get; set; } = "";

    /// <summary>One-time enrolment token (<c>ID.SECRET</c>), needed at the first start only. May be <c>file:PATH</c>. Never logged.</summary>
    public string? EnrolmentToken { get; set; }

    /// <summary>PEM file with this participant's certificate chain from its organisation CA, for the key in <see cref="StateFolder"/>; none when null.</summary>
    public string? Certificate { get; set; }

    /// <summary>PEM file with the CA that peers' certificates must chain to; null asks for none.</summary>
    public string? OrganisationCa { get; set; }

    /// <summary>A tunnel to a peer must be up within so many seconds, 1 to 300.</summary>
    public int ConnectSeconds { get; set; } = 20;
}

/// <summary>A hub to dial.</summary>
public sealed class QanatHub
{
    /// <summary><c>ws://host:port</c> or <c>wss://host:port</c>.</summary>
    public string Url { get; set; } = "";

    /// <summary>The hub's mid. A hub that proves another key is refused. Null trusts the first key that answers and keeps to it, in <c>hubs.pinned</c> of the state folder: only for a first look.</summary>
    public string? Mid { get; set; }

    /// <summary>
    /// HTTP forward proxy to reach the hub through, by CONNECT: <c>http://[user:password@]host:port</c>, percent-encoded. May be <c>file:PATH</c>. Null dials
    /// directly. Never logged. Hubs that the network tells of are reached like the first hub.
    /// </summary>
    public string? HttpProxy { get; set; }

    /// <summary>PEM file with the CA of the hub's <c>wss</c> certificate; null uses the system's. Hubs that the network tells of are reached like the first hub.</summary>
    public string? Ca { get; set; }
}
