using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Replay;

/// <summary>One direction of a replayed connection.</summary>
internal sealed class ReplayDirection(bool isServer) : IDisposable
{
    private const int MaxMessageLength = 1 << 18;
    private readonly List<byte> _applicationData = [];

    public bool IsServer => isServer;

    public string Name => isServer ? "server" : "client";

    public HandshakeReader Messages { get; } = new(MaxMessageLength);

    /// <summary>Null while records are in the clear.</summary>
    public RecordProtection? Protection { get; private set; }

    /// <summary>True once records must be protected, also when no key is known.</summary>
    public bool IsProtected { get; private set; }

    public bool HasFinished { get; set; }

    public bool IsClosed { get; set; }

    public bool HasEnded { get; set; }

    public bool HasSent { get; set; }

    public byte[] ApplicationData => [.. _applicationData];

    public void Protect(RecordProtection? protection)
    {
        Protection?.Dispose();
        Protection = protection;
        IsProtected = true;
    }

    public void Receive(ReadOnlySpan<byte> applicationData) => _applicationData.AddRange(applicationData);

    public void Dispose()
    {
        Messages.Dispose();
        Protection?.Dispose();
    }
}

/// <summary>Ends a replay: what follows cannot be read.</summary>
internal sealed class ReplayException(ReplayCause cause, SmTlsError error, string message) : Exception(message)
{
    public ReplayCause Cause => cause;

    public SmTlsError Error => error;
}
