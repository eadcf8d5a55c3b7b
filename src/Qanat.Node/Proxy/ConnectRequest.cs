using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http;

namespace Qanat.Node.Proxy;

/// <summary>The head of a CONNECT request (RFC 9110 section 9.3.6), read with Kestrel's HTTP/1.1 parser. A malformed head throws <see cref="BadHttpRequestException"/>.</summary>
internal sealed class ConnectRequest : IHttpRequestLineHandler, IHttpHeadersHandler
{
    private static readonly HttpParser<ConnectRequest> s_parser = new(showErrorDetails: false);
    private bool _lineRead;
    private int _hosts;
    private string? _host;

    /// <summary>The authority asked for.</summary>
    public string Authority { get; private set; } = "";

    /// <summary>Why the request must be refused, or null.</summary>
    public string? Fault { get; private set; }

    /// <summary>Parses what is new. True when the head is complete; <paramref name="buffer"/> then starts behind it.</summary>
    public bool TryParse(ref ReadOnlySequence<byte> buffer)
    {
        var reader = new SequenceReader<byte>(buffer);
        if (!_lineRead && !(_lineRead = s_parser.ParseRequestLine(this, ref reader)))
        {
            return false;
        }
        bool complete = s_parser.ParseHeaders(this, ref reader);
        buffer = buffer.Slice(reader.Position);
        if (complete && _hosts > 1)
        {
            Fault = "More than one Host header.";
        }
        else if (complete && _host is not null && !HostOf(_host).Equals(HostOf(Authority), StringComparison.OrdinalIgnoreCase))
        {
            Fault = "The Host header names another host than the CONNECT target.";
        }
        return complete;
    }

    public void OnStartLine(HttpVersionAndMethod versionAndMethod, TargetOffsetPathLength targetPath, Span<byte> startLine)
    {
        // The parser hands over the line up to the end of the target.
        Authority = Encoding.ASCII.GetString(startLine[targetPath.Offset..]);
        if (versionAndMethod.Method != Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http.HttpMethod.Connect)
        {
            Fault = "Not a CONNECT request.";
        }
    }

    public void OnHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (Ascii.EqualsIgnoreCase(name, "Host"u8))
        {
            _hosts++;
            _host = Encoding.ASCII.GetString(value);
        }
        else if (Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8) || (Ascii.EqualsIgnoreCase(name, "Content-Length"u8) && !value.SequenceEqual("0"u8)))
        {
            Fault = "CONNECT has no content.";
        }
    }

    public void OnHeadersComplete(bool endStream)
    {
    }

    public void OnStaticIndexedHeader(int index) => throw new NotSupportedException();

    public void OnStaticIndexedHeader(int index, ReadOnlySpan<byte> value) => throw new NotSupportedException();

    private static ReadOnlySpan<char> HostOf(string authority)
    {
        int colon = authority.LastIndexOf(':');
        ReadOnlySpan<char> host = colon > authority.LastIndexOf(']') ? authority.AsSpan(0, colon) : authority;
        return host.TrimEnd('.');
    }
}
