using System.CommandLine;
using Psi.Data;

namespace Psi;

/// <summary>Options that make up data: <c>--generate N --overlap K --seed S</c>.</summary>
internal sealed class GenerateOptions
{
    private readonly Option<int?> _count = new("--generate") { Description = "Made-up data with this many ids at each party." };
    private readonly Option<int?> _overlap = new("--overlap") { Description = "How many of them both have; half of them when not given." };
    private readonly Option<long> _seed = new("--seed") { Description = "Both parties must use the same.", DefaultValueFactory = _ => 1 };

    internal void AddTo(Command command)
    {
        command.Add(_count);
        command.Add(_overlap);
        command.Add(_seed);
    }

    internal bool Given(ParseResult parsed) => parsed.GetValue(_count) is not null;

    internal Records Read(ParseResult parsed, Party party)
    {
        int count = parsed.GetValue(_count)!.Value;
        return Records.Generate(party, count, parsed.GetValue(_overlap) ?? count / 2, parsed.GetValue(_seed));
    }
}

/// <summary>Options that name a party's own table: a file, or made-up data and which party one is.</summary>
internal sealed class TableOptions
{
    private readonly Option<FileInfo> _file = new("--file") { Description = "The own table: lines of 'id,value'." };
    private readonly Option<Party?> _party = new("--party") { Description = "With --generate: whose table." };
    private readonly GenerateOptions _generate = new();

    internal void AddTo(Command command)
    {
        command.Add(_file);
        _generate.AddTo(command);
        command.Add(_party);
    }

    internal Records Read(ParseResult parsed) => (parsed.GetValue(_file), _generate.Given(parsed), parsed.GetValue(_party)) switch
    {
        (FileInfo file, false, null) => Records.Load(file.FullName),
        (null, true, Party party) => _generate.Read(parsed, party),
        _ => throw new InvalidDataException("Give --file FILE, or --generate N and --party A or B."),
    };
}
