namespace Qanat.Wire.Handshake;

/// <summary>WELCOME, the acceptor's verdict; a refusal may also come in place of CHALLENGE.</summary>
public sealed record LinkWelcomeMessage
{
    /// <summary><see cref="LinkRefusal.None"/> when welcome.</summary>
    public required LinkRefusal Result { get; init; }

    /// <summary>A line for a person.</summary>
    public string Line { get; init; } = "";

    /// <summary>A new membership ticket for the member.</summary>
    public byte[]? Ticket { get; init; }

    /// <summary>Signed hub records: where else the member may go.</summary>
    public IReadOnlyList<byte[]> HubTable { get; init; } = [];

    /// <summary>The member's directory name.</summary>
    public string? ParticipantName { get; init; }

    /// <summary>Seconds between heartbeats; 1 to 3600.</summary>
    public int HeartbeatSeconds { get; init; } = 5;

    /// <summary>The acceptor's hub name.</summary>
    public string? HubName { get; init; }

    /// <summary>The encoded message.</summary>
    public byte[] Encode() => new CborMapWriter()
        .Add(13, Ticket).Add(16, (ulong)Result).Add(17, Line.Length == 0 ? null : Line[..Math.Min(Line.Length, LinkHandshake.MaxLine)])
        .Add(18, HubTable).Add(19, ParticipantName).Add(20, (ulong)HeartbeatSeconds).Add(21, HubName)
        .Encode();

    /// <summary>True when a message has a result and so is a WELCOME, whatever came before it.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> message, out LinkWelcomeMessage welcome)
    {
        welcome = null!;
        byte[]? ticket = null;
        string line = "";
        string? name = null;
        string? hub = null;
        byte[][] hubs = [];
        ulong heartbeat = 5;
        if (!CborMap.TryRead(message, LinkHandshake.MaxMessage, out CborMap map)
            || !map.TryGetUInt(16, byte.MaxValue, out ulong result)
            || (map.Has(13) && !map.TryGetBytes(13, 1, LinkHandshake.MaxSigned, out ticket))
            || (map.Has(17) && !map.TryGetText(17, LinkHandshake.MaxLine, out line))
            || (map.Has(18) && !map.TryGetByteStrings(18, LinkHandshake.MaxHubs, LinkHandshake.MaxSigned, out hubs))
            || (map.Has(19) && !map.TryGetText(19, LinkHandshake.MaxName, out name))
            || (map.Has(20) && (!map.TryGetUInt(20, 3600, out heartbeat) || heartbeat == 0))
            || (map.Has(21) && !map.TryGetText(21, LinkHandshake.MaxName, out hub)))
        {
            return false;
        }
        welcome = new LinkWelcomeMessage
        {
            Result = (LinkRefusal)result,
            Line = line,
            Ticket = ticket,
            HubTable = hubs,
            ParticipantName = name,
            HeartbeatSeconds = (int)heartbeat,
            HubName = hub,
        };
        return true;
    }
}
